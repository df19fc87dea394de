"""The month as files: workbook, CSV and JSON. Text stays text in all of them, whatever it begins with."""
