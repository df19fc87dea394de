"""The attendance rules: pure; docs/reference/rules.md is the law."""
