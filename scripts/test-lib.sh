# SPDX-License-Identifier: BSD-3-Clause
# What the layers in test.d share; to be sourced by bash. A layer is a program that prints
#	ok NAME
#	not ok NAME: WHY
#	skip NAME: WHY
# for each of its tests, and anything else for its log; of that, what begins with "# " is shown. It
# can be run alone.
# shellcheck shell=bash

set -uo pipefail
umask 022
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LOGS=${REVERE_TEST_LOGS:-$BUILD/test-logs}
mkdir -p "$LOGS"
cd "$TOP" || exit 1

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$TOP/tests/unit/lsan.supp:print_suppressions=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:suppressions=$TOP/tests/unit/tsan.supp}

ok()
{
	printf 'ok %s\n' "$1"
}

not_ok()
{
	printf 'not ok %s: %s\n' "$1" "$2"
}

skip()
{
	printf 'skip %s: %s\n' "$1" "$2"
}

# check NAME SECONDS COMMAND...: one test, which passes if the command succeeds in time. Its
# output goes to a log of its own.
check()
{
	local name=$1 seconds=$2 log=$LOGS/${1//\//-}.log status=0

	shift 2
	timeout -k 10 "$seconds" "$@" >"$log" 2>&1 </dev/null || status=$?
	case $status in
	0) ok "$name" ;;
	124 | 137) not_ok "$name" "no end after $seconds s, see $log" ;;
	*) not_ok "$name" "exit code $status, see $log" ;;
	esac
	# what is shown where only this output is kept
	[ $status = 0 ] || { grep -a '^not ok' "$log" | tail -n 20; tail -n 20 "$log"; } | sed 's/^/#   /'
	return $status
}

# need_tree NAME: compile a build folder (see build_tree); if that fails, the layer ends
need_tree()
{
	local log=$LOGS/build-$1.log

	build_tree "$1" >"$log" 2>&1 </dev/null && return 0
	not_ok "build-$1" "see $log"
	exit 1
}

# sanitizer_env: what to start programs of DPDK with if our drivers have sanitizers in them, a line
# for each word
sanitizer_env()
{
	REVERE_BUILD=$BUILD PYTHONPATH=$TOP/scripts/pylib "$PYTHON" -B -c \
		'import testpmd; print(*testpmd.sanitizer_env(), sep="\n", end="")'
}

# need_file FILE NAME: if FILE is not there, skip NAME and end the layer
need_file()
{
	[ -e "$1" ] && return 0
	skip "$2" "no ${1#"$TOP"/}"
	exit 0
}

# meson_tests TREE SUITE PREFIX [MESON TEST OPTION...]: run meson's tests of that suite, each
# reported as PREFIX/NAME
meson_tests()
{
	local tree=$1

	shift
	need_tree "$tree"
	meson_tests_in "$(tree_dir "$tree")" "$@"
}

# meson_tests_in FOLDER SUITE PREFIX [MESON TEST OPTION...]: the same in a build folder
meson_tests_in()
{
	local dir=$1 suite=$2 prefix=$3 log=${3//\//-} results status=0

	shift 3
	rm -f "$dir/meson-logs/$log"[.-]*json
	timeout -k 10 1800 meson test -C "$dir" --no-rebuild --suite "$suite" --logbase "$log" \
		--print-errorlogs "$@" </dev/null || status=$?
	# with --wrap, meson adds the wrapper's name to its log's
	results=$(find "$dir/meson-logs" -name "$log.json" -o -name "$log-$log.json")
	if [ -n "$results" ]; then
		"$PYTHON" "$TOP/scripts/results.py" meson "$prefix" "$results"
	elif [ $status = 0 ]; then
		skip "$prefix" "no tests in suite $suite yet"
	else
		not_ok "$prefix" "meson test ended with $status and no results"
	fi
}
