# SPDX-License-Identifier: BSD-3-Clause
# Shell functions that setup, test, demo and bench share; to be sourced by bash.
# shellcheck shell=bash

# Debian's python3 has the modules we install; another one may be earlier on PATH.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH
PYTHON=/usr/bin/python3

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${REVERE_BUILD:-$TOP/build}
CACHE=${REVERE_CACHE:-$TOP/.cache}

say()
{
	printf '%s\n' "$*"
}

warn()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	warn "$*"
	exit 1
}

# can_be_root: true if as_root works (root, or sudo)
can_be_root()
{
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null
}

# can_be_root_quietly: as can_be_root, and no password will be asked for
can_be_root_quietly()
{
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# as_root COMMAND...: run it as root
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for '$*': run as root, or install sudo"
	fi
}

# missing_packages PACKAGE...: those which are not installed, on one line
missing_packages()
{
	dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' 2>/dev/null |
		awk -v want="$*" '
			$2 == "installed" { sub(/:.*/, "", $1); have[$1] = 1 }
			END {
				n = split(want, w, " ")
				for (i = 1; i <= n; i++)
					if (!(w[i] in have))
						printf "%s ", w[i]
			}'
}

# install_packages PACKAGE...: install what is missing of them; apt-get update only if the
# package lists of this machine do not know them (or know files that are gone)
install_packages()
{
	local missing apt

	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		die "this is not a Debian system; install what Debian calls: $missing"
	can_be_root ||
		die "these packages are missing and installing them needs root or sudo: $missing"
	say "installing: $missing"
	apt=(env DEBIAN_FRONTEND=noninteractive timeout 1800 apt-get -q -y
		-o DPkg::Lock::Timeout=300)
	# shellcheck disable=SC2086 # a list of words
	as_root "${apt[@]}" install --no-install-recommends $missing && return 0
	as_root "${apt[@]}" update || warn "apt-get update had errors, going on"
	# shellcheck disable=SC2086
	as_root "${apt[@]}" install --no-install-recommends $missing ||
		die "could not install: $missing"
}

# debian_mirror: URI of the Debian mirror that this machine uses, nothing if none
debian_mirror()
{
	apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -E '/debian/?$' | head -n 1
}

# dpdk_version: version of the DPDK that pkg-config finds, nothing if none
dpdk_version()
{
	pkg-config --modversion libdpdk 2>/dev/null || true
}

# dpdk_has_sdk: true if the installed DPDK brings the headers drivers are written against
dpdk_has_sdk()
{
	local flag

	for flag in $(pkg-config --cflags-only-I libdpdk 2>/dev/null); do
		[ ! -e "${flag#-I}/ethdev_driver.h" ] || return 0
	done
	return 1
}

# dpdk_app NAME: path of a program of the DPDK we build against, nothing if absent
dpdk_app()
{
	local prefix

	prefix=$(pkg-config --variable=prefix libdpdk 2>/dev/null) || true
	if [ -x "${prefix:-/usr}/bin/$1" ]; then
		say "${prefix:-/usr}/bin/$1"
	else
		command -v "$1" || true
	fi
}

# free_hugepages: how many 2 MB pages are free
free_hugepages()
{
	cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0
}

# hugepage_mount: where 2 MB hugetlbfs is mounted
hugepage_mount()
{
	awk '$3 == "hugetlbfs" && $4 !~ /pagesize=[0-9]*G/ { print $2; exit }' /proc/mounts
}

# has_hugepages: true if EAL can use 2 MB hugepages here
has_hugepages()
{
	[ "$(free_hugepages)" -gt 0 ] && [ -w "$(hugepage_mount)" ]
}

# setup_hugepages: reserve 2 MB pages (REVERE_HUGEPAGES of them, 1024 by default, never more
# than half of what is free) and mount hugetlbfs, if possible; says so if not. Always succeeds.
setup_hugepages()
{
	local nr=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
	local want=${REVERE_HUGEPAGES:-1024} most had why=''

	had=$(cat $nr 2>/dev/null || echo 0)
	most=$((had + $(awk '/^MemAvailable:/ { print int($2 / 4096) }' /proc/meminfo)))
	most=$((most / 2))
	[ "$want" -le "$most" ] || want=$most

	if [ ! -e $nr ]; then
		why='the kernel has none'
	elif ! can_be_root_quietly; then
		[ "$had" -gt 0 ] || why='reserving them needs root'
	else
		if [ "$had" -lt "$want" ]; then
			as_root sh -c "echo $want > $nr" 2>/dev/null ||
				why='reserving them is not permitted here'
		fi
		if [ -z "$(hugepage_mount)" ]; then
			as_root sh -c 'mkdir -p /dev/hugepages &&
				mount -t hugetlbfs -o pagesize=2M nodev /dev/hugepages' 2>/dev/null ||
				why='mounting hugetlbfs is not permitted here'
		fi
	fi
	if has_hugepages; then
		say "hugepages: $(free_hugepages) free of 2 MB"
	else
		if [ "$(free_hugepages)" -gt 0 ]; then
			why=${why:-this user may not use them}
		elif [ "$(cat $nr 2>/dev/null || echo 0)" -gt 0 ]; then
			why=${why:-all are in use}
		fi
		say "hugepages: none (${why:-no memory for them}), going on without (--no-huge; slower)"
	fi
}

# eal_memory_args [MB]: EAL arguments for memory, with hugepages if there are any
eal_memory_args()
{
	if has_hugepages; then
		say '--in-memory'
	else
		say "--no-huge -m ${1:-1024}"
	fi
}

# build_tree NAME: set up (if it is not yet) and compile the build folder NAME: gcc (build/), clang,
# asan (ASan and UBSan), tsan or arm64 (build-NAME/). Warnings are errors where no sanitizer makes them up.
build_tree()
{
	local dir=$(tree_dir "$1") cc=gcc options=()

	case $1 in
	gcc) ;;
	clang) cc=clang options=(-Ddocs=disabled) ;;
	asan) options=(-Db_sanitize=address,undefined) ;;
	tsan) options=(-Db_sanitize=thread) ;;
	arm64) options=(--cross-file "$CACHE/arm64/cross.ini" -Ddocs=disabled) ;;
	*) die "no build named '$1'" ;;
	esac
	case $1 in
	*san) options+=(--buildtype=debugoptimized -Dwerror=false -Db_lundef=false
		-Ddocs=disabled) ;;
	esac
	if [ ! -e "$dir/build.ninja" ]; then
		CC=$cc timeout 300 meson setup "${options[@]}" "$dir" "$TOP" || return 1
	fi
	timeout 1800 ninja -C "$dir" || return 1
	# EAL refuses a folder of plug-ins that anybody can write to.
	chmod o-w "$dir" "$dir/drivers"
}

# tree_dir NAME: the folder of build_tree NAME
tree_dir()
{
	case $1 in
	gcc) say "$BUILD" ;;
	*) say "$BUILD-$1" ;;
	esac
}
