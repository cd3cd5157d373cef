#!/bin/sh
# Browser tests drive Debian's Chromium. Root gets it installed; anybody else is told, loudly, that they are skipped.
# Never fails: the tests themselves say what they could not do.
have() { [ -x /usr/bin/chromium ] && [ -x /usr/bin/chromedriver ]; }

have && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium and chromium-driver for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1
    apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null 2>&1
fi
have && exit 0
echo "*******************************************************************************" >&2
echo "** BROWSER TESTS WILL BE SKIPPED: /usr/bin/chromium or chromedriver is missing." >&2
echo "** As root: apt-get install chromium chromium-driver" >&2
echo "*******************************************************************************" >&2
exit 0
