//! Record to text: values, CSV rows, JSON lines, templates.
