#!/usr/bin/env bash
# The two-process tests under ThreadSanitizer.
# usage: check_tsan.sh [TEST...]
exec "$(dirname "$0")/check_sanitizer.sh" thread "$@"
