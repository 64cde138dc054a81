from playwright.sync_api import Page
import time
import pytest
pytestmark = [pytest.mark.xdist_group("browser")]
def test_x(admin: Page, visits) -> None:
    print(visits.installation.folder)
    for p in ("/","/recipients","/contacts","/review","/do-not-email","/mailboxes","/mailboxes/1","/mailboxes/2","/model","/labels","/automations","/webhooks","/webhooks/1","/users","/messages?state=judged"):
        t=time.time(); admin.goto(p); admin.wait_for_load_state("networkidle"); print(p, time.time()-t, admin.title(), admin.locator("main img").count())
