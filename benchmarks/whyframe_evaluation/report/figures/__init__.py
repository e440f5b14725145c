"""The report's figures: a module each, drawn of what a study found, for the page and as files beside it."""
