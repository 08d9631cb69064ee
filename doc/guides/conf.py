# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Configuration of Sphinx for the guides."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "_ext"))

project = "Revere for DPDK"
copyright = "2026, The Revere for DPDK authors"
with open(os.path.join(HERE, "..", "..", "VERSION"), encoding="utf-8") as file:
    version = release = file.read().strip()

extensions = ["wire"]
exclude_patterns = ["_ext"]
master_doc = "index"
highlight_language = "none"
html_show_sourcelink = False
try:
    import sphinx_rtd_theme
    html_theme = "sphinx_rtd_theme"
    html_theme_path = [sphinx_rtd_theme.get_html_theme_path()]
except ImportError:
    html_theme = "alabaster"
