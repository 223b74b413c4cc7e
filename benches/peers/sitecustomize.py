"""What the benchmark changes about other people's programs: Python imports this when it starts.

Nothing of the work that is measured is left out. They log errors only, as ours do, and where
INTERCOM_BASE_URL is set, requests for Intercom's one host go there instead.
"""

import logging
import os

logging.disable(logging.WARNING)

base_url = os.environ.get("INTERCOM_BASE_URL")
if base_url:
    import requests

    send_elsewhere = requests.Session.request

    def request(self, method, url, *arguments, **options):
        url = url.replace("https://api.intercom.io", base_url, 1)
        return send_elsewhere(self, method, url, *arguments, **options)

    requests.Session.request = request
