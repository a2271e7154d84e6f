"""One reader and lexicon per publisher."""
