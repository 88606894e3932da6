// Asks veraPDF, as its library, whether a file keeps to a flavour: prints each rule that is broken, exits 1 where one is.
//
// usage: java -cp … Check.java <flavour> <file>…
import java.io.FileInputStream;
import java.io.InputStream;
import java.util.TreeSet;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

public class Check {
    public static void main(String[] arguments) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        PDFAFlavour flavour = PDFAFlavour.fromString(arguments[0]);
        boolean sound = true;
        for (int at = 1; at < arguments.length; at++) {
            try (InputStream file = new FileInputStream(arguments[at]);
                    PDFAParser parser = Foundries.defaultInstance().createParser(file, flavour)) {
                ValidationResult result = Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
                TreeSet<String> broken = new TreeSet<>();
                for (TestAssertion one : result.getTestAssertions()) {
                    if (one.getStatus() == TestAssertion.Status.FAILED) {
                        broken.add(one.getRuleId() + " " + one.getMessage());
                    }
                }
                System.out.println(arguments[at] + " " + result.getTotalAssertions() + " assertions, compliant: "
                        + result.isCompliant());
                broken.forEach(System.out::println);
                sound &= result.isCompliant() && result.getTotalAssertions() > 0;
            }
        }
        System.exit(sound ? 0 : 1);
    }
}
