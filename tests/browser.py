"""A real browser, driven through its own protocol: Debian's chromium and chromedriver (`make test-tools` has them)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSER: Final = shutil.which("chromium")
DRIVER: Final = shutil.which("chromedriver")
WHY_NO_BROWSER: Final = "" if BROWSER and DRIVER else "there is no chromium with its chromedriver (apt-get install)"


@contextmanager
def browser(width: int = 1500, height: int = 1000) -> Iterator[Chrome]:
    """A window of that size; it knows of no network."""
    assert BROWSER and DRIVER
    options = ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for word in ("--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                 "--disable-dev-shm-usage", f"--window-size={width},{height}",
                 "--proxy-server=127.0.0.1:9"):  # fmt: skip
        options.add_argument(word)
    if os.geteuid() == 0:  # chromium's sandbox refuses root
        options.add_argument("--no-sandbox")
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
