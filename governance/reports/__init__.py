"""What the records say, as the values that reports are drawn from, and documents as things that are issued."""
