"""Pictures as plain dicts for ECharts: pure functions of data, and no streamlit."""
