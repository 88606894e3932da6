// Verifies an exported ledger with golang.org/x/mod only: the checkpoint's signature, every tile against its root,
// each entry by a proof of our own making, and the proofs that the service handed out.
//
// usage: verify <folder> <vkey>
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type proofs struct {
	Inclusion []struct {
		Index int64
		Proof []string
	}
	Consistency []struct {
		Old     int64
		OldRoot string `json:"old_root"`
		Proof   []string
	}
}

// folder reads tiles from C2SP paths.
type folder string

func (f folder) Height() int                                { return height }
func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), "tile", strconv.Itoa(tile.L), name(tile.N, tile.W)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func name(n int64, width int) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width != 1<<height {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}

func hash(text string) tlog.Hash {
	raw, err := base64.StdEncoding.DecodeString(text)
	check(err)
	var h tlog.Hash
	if copy(h[:], raw) != len(h) || len(raw) != len(h) {
		log.Fatalf("%q is no hash", text)
	}
	return h
}

func hashes(texts []string) []tlog.Hash {
	var all []tlog.Hash
	for _, text := range texts {
		all = append(all, hash(text))
	}
	return all
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	log.SetFlags(0)
	dir := os.Args[1]

	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		log.Fatalf("the checkpoint is of %s", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	tree := tlog.Tree{N: size, Hash: hash(lines[2])}

	reader := tlog.TileHashReader(tree, folder(dir))
	leaves := entries(dir, size)
	for index, leaf := range leaves {
		stored, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
		check(err)
		if stored[0] != leaf {
			log.Fatalf("entry %d is not the one in the tile", index)
		}
		proof, err := tlog.ProveRecord(size, int64(index), reader)
		check(err)
		check(tlog.CheckRecord(proof, size, tree.Hash, int64(index), leaf))
	}

	raw, err := os.ReadFile(filepath.Join(dir, "proofs.json"))
	check(err)
	var given proofs
	check(json.Unmarshal(raw, &given))
	for _, one := range given.Inclusion {
		check(tlog.CheckRecord(hashes(one.Proof), size, tree.Hash, one.Index, leaves[one.Index]))
	}
	for _, one := range given.Consistency {
		check(tlog.CheckTree(hashes(one.Proof), size, tree.Hash, one.Old, hash(one.OldRoot)))
	}
	fmt.Printf("%d entries, %d inclusion and %d consistency proofs\n", size, len(given.Inclusion), len(given.Consistency))
}

// entries answers the leaf hashes of the bundles.
func entries(dir string, size int64) []tlog.Hash {
	var leaves []tlog.Hash
	for n := int64(0); n<<height < size; n++ {
		width := size - n<<height
		if width > 1<<height {
			width = 1 << height
		}
		data, err := os.ReadFile(filepath.Join(dir, "tile", "entries", name(n, int(width))))
		check(err)
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data))
			leaves = append(leaves, tlog.RecordHash(data[2:2+length]))
			data = data[2+length:]
		}
	}
	if int64(len(leaves)) != size {
		log.Fatalf("the bundles hold %d entries, the checkpoint says %d", len(leaves), size)
	}
	return leaves
}
