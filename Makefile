# Two commands: `make demo` shows it, `make test` proves it. Needs Debian 12 or Ubuntu 22.04 (or later) and a Rust toolchain
# (1.85 or later). The throw-away hosts need root. Packages that are missing are installed and named; nothing else outside
# target/ changes.
#
#   make demo        one host with real sshd and sudo, a grant from its beginning to its end; DIRECTORY=slapd with a real OpenLDAP
#   make test        everything: format, lints, pure tests, the modules under libpam, real hosts
#   make test-long   the same questions asked much longer: property tests with many cases, faults, time
#   make bench       figures, never a judgement
#   make packages    deb packages and rpms in target/packages
#   make install     pam_jit.so, libnss_jit.so.2, jitd with its unit and jitctl under $(DESTDIR); starts and guards nothing yet (see README.md)

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.ONESHELL:
.SILENT:
.PHONY: demo test test-long bench install stage packages native-packages arm64-packages build pages notices needed root

DIRECTORY ?= ldif
LOG := target/test.log
TOOLS := target/tools
# What the tests and the modules' build need on this machine; the hosts get theirs from tests/src/root.rs.
# libclang: the bindings of the Kerberos library are made from its headers when jitd and jitctl are built.
PACKAGES := gcc libc6-dev libclang-dev libkrb5-dev libpam0g-dev mmdebstrap openssh-client pkg-config systemd-container
SLAPD := slapd ldap-utils openssl
KDC := krb5-admin-server krb5-kdc krb5-user libsasl2-modules-gssapi-mit
PURE := -p jit-model -p jit-proto -p jit-control -p jit-directory -p jit-signature -p jit-settings -p pam_jit -p nss_jit -p jitd -p jitctl
# nextest where there is one, else cargo's own: the same tests, and the same arguments for what we use.
TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo cargo nextest run || echo cargo test) --no-fail-fast
MULTIARCH := $(shell gcc -print-multiarch 2>/dev/null)
# Where the crates and this tree lie is not in what is built, so that two builds give the same files. (RUSTFLAGS of yours stay.)
RELEASE := RUSTFLAGS="$$RUSTFLAGS --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo --remap-path-prefix=$(CURDIR)=/jit"
CARGO := $(RELEASE) cargo
FOR := $(if $(TRIPLE),--target $(TRIPLE))
BUILD := $(CARGO) build --release --locked $(FOR) -p pam_jit -p jitd -p jitctl; $(CARGO) build --profile guest --locked $(FOR) -p nss_jit
# The closing line: what the test runner says at the end of each run, added up.
COUNT := awk '/^ *Summary .* tests? run: / { n = 1; for (i = 1; i < NF; i++) { if ($$(i + 1) ~ /^passed/) p += $$i; if ($$(i + 1) ~ /^(failed|timed)/) f += $$i } } \
	/^test result:/ { tp += $$4; tf += $$6 } \
	END { if (!n) { p = tp; f = tf } printf "%d passed, %d failed\n", p, f; exit p == 0 }' $(LOG)
# Where cargo puts what it builds for TRIPLE; without one, for this machine.
OUT := target$(if $(TRIPLE),/$(TRIPLE))
LIBRARIES ?= /usr/lib$(if $(MULTIARCH),/$(MULTIARCH))
SECURITY := $(LIBRARIES)/security
ZSH := /usr/share/zsh/$(if $(filter debian,$(DISTRIBUTION)),vendor-completions,site-functions)

demo: PACKAGES += $(if $(filter slapd,$(DIRECTORY)),$(SLAPD))
demo: needed build
	$(CARGO) build --release -q -p jit-tests --bin demo
	DIRECTORY=$(DIRECTORY) target/release/demo

test test-long bench: PACKAGES += $(SLAPD) $(KDC)
test: PACKAGES += rpm rpmlint
# A machine with SELinux or AppArmor (tests/src/vm.rs), and what their policies are compiled and asked with.
test-long: PACKAGES += apparmor bzip2 e2fsprogs qemu-system-x86 selinux-policy-dev setools
# Every commit is asked the same: the property tests draw from one seed here, from fresh ones in test-long.
test: export PROPTEST_RNG_SEED ?= 1
test: PACKAGES += lintian
test: needed
	mkdir -p target; : >$(LOG)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(MAKE) --no-print-directory native-packages
	echo "--- pure: functions of values"
	$(TEST) $(PURE) 2>&1 | tee -a $(LOG) || failed=1
	echo "--- the modules under the real libpam, without root's help"
	$(TEST) -p jit-tests --lib --test 'pam_*' 2>&1 | tee -a $(LOG) || failed=1
	echo "--- real hosts: sshd, sudo, su, login, cron, slapd"
	$(TEST) -p jit-tests --test host --test 'door_*' --test 'directory_*' --test 'nss_*' --test slapd_door --test 'booted_*' 2>&1 | tee -a $(LOG) || failed=1
	echo "--- packages: what is in them, and what they do to a host"
	$(TEST) -p jit-tests --test 'packages_*' 2>&1 | tee -a $(LOG) || failed=1
	$(COUNT)
	[ -z "$$failed" ]

test-long: needed build
	: >$(LOG)
	echo "--- what comes in from outside (deny.toml)"
	command -v $(TOOLS)/bin/cargo-deny >/dev/null || cargo install -q --locked --root $(TOOLS) cargo-deny
	$(TOOLS)/bin/cargo-deny check --hide-inclusion-graph bans licenses sources || failed=1
	echo "--- every decoder on changed seeds (fuzz/; with coverage: see fuzz/Cargo.toml)"
	(cd fuzz && cargo fmt --check && JIT_FUZZ_RUNS=100000 CARGO_TARGET_DIR=../target/fuzz cargo test --release --locked --no-default-features) 2>&1 | tee -a $(LOG) || failed=1
	# Optimised, but with the checks that a release build leaves out.
	export CARGO_PROFILE_DEV_OPT_LEVEL=2
	NEXTEST_PROFILE=long PROPTEST_CASES=5000 $(TEST) $(PURE) 2>&1 | tee -a $(LOG) || failed=1
	unset CARGO_PROFILE_DEV_OPT_LEVEL
	$(MAKE) --no-print-directory packages || failed=1
	$(TEST) -p jit-tests --test 'long_*' 2>&1 | tee -a $(LOG) || failed=1
	$(COUNT)
	[ -z "$$failed" ]

bench: needed build
	export $(RELEASE)
	cargo bench -q -p jit-model --bench decide
	cargo bench -q -p jit-tests --bench door -- --json $(CURDIR)/target/bench.json
	cargo bench -q -p jit-tests --bench sessions -- --json $(CURDIR)/target/bench.json
	cargo bench -q -p jit-tests --bench names -- --json $(CURDIR)/target/bench.json
	cargo bench -q -p jit-tests --bench asking -- --json $(CURDIR)/target/bench.json

install: build pages stage
	echo "Installed; nothing is guarded yet: README.md says which line goes into which file of /etc/pam.d."

# Puts what is built in place, and builds nothing: `make install`, and, with DISTRIBUTION=debian or rhel, the root that packages are
# made of; then with what their own tools need. packaging/debian/*.install and packaging/rpm/jit.spec say which file is in which package.
# Man pages and completions are there if they were made (target/pages).
stage:
	shopt -s nullglob
	put() { local mode=$$1 place=$$2; shift 2; for file; do install -D -m $$mode "$$file" "$(DESTDIR)$$place$${file##*/}"; done; }
	as() { install -D -m $$1 $$2 "$(DESTDIR)$$3"; }
	as 644 $(OUT)/release/libpam_jit.so $(SECURITY)/pam_jit.so
	as 644 $(OUT)/guest/libnss_jit.so $(LIBRARIES)/libnss_jit.so.2
	as 755 $(OUT)/release/jitd /usr/sbin/jitd
	as 755 $(OUT)/release/jitctl /usr/bin/jitctl
	put 644 /usr/lib/systemd/system/ packaging/systemd/*.{service,socket}
	for file in packaging/systemd/*.{sysusers,tmpfiles}; do
		name=$${file##*/}; as 644 $$file /usr/lib/$${name##*.}.d/$${name%.*}.conf
	done
	put 644 /etc/logrotate.d/ packaging/logrotate/*
	install -d -m 755 "$(DESTDIR)/etc/jitd" "$(DESTDIR)/etc/jit"
	put 755 /usr/libexec/jit/ packaging/{first-config,nsswitch}/*
	put 644 /usr/share/jit/ldap/openldap/ packaging/ldap/openldap/*.ldif
	put 644 /usr/share/jit/ldap/389ds/ packaging/ldap/389ds/*.ldif
	put 644 /usr/share/doc/jitd/examples/ packaging/examples/*
	for file in packaging/sudoers/*; do as 644 $$file /usr/share/doc/jitd/examples/sudoers; done
	for file in packaging/man/*.[1-8] target/pages/man/*.[1-8]; do put 644 /usr/share/man/man$${file##*.}/ $$file; done
	for file in target/pages/bash/*; do as 644 $$file /usr/share/bash-completion/completions/jitctl; done
	put 644 $(ZSH)/ target/pages/zsh/*
	put 644 /usr/share/fish/vendor_completions.d/ target/pages/fish/*
	case "$(DISTRIBUTION)" in
	debian)
		put 644 /usr/share/pam-configs/ packaging/pam/*
		put 644 /etc/apparmor.d/ packaging/apparmor/usr.sbin.*
		for file in packaging/apparmor/abstractions/*; do as 644 $$file /etc/apparmor.d/abstractions/$${file##*/}.d/jit; done
		;;
	rhel)
		put 755 /usr/libexec/jit/ packaging/authselect/*
		put 644 /usr/share/selinux/packages/targeted/ target/selinux/*.pp.bz2
		;;
	esac

# Debian's packages and RHEL's in target/packages, by their own tools: for this machine and, on x86-64, for arm64. REVISION is what follows
# the `-` of their version. Two calls give the same files: their time is that of the last commit.
packages: native-packages $(if $(filter amd64,$(shell dpkg --print-architecture 2>/dev/null)),arm64-packages)

native-packages: PACKAGES += debhelper dh-apparmor dpkg-dev rpm selinux-policy-dev
native-packages: needed build pages notices
	$(MAKE) -s -C packaging/selinux
	packaging/debian/build target/packages $(REVISION)
	packaging/rpm/build target/packages $(REVISION)

# Pages and policy are the same for every machine.
arm64-packages: native-packages
	cargo fetch -q --locked
	mkdir -p target/arm64
	cp -r target/pages target/selinux target/arm64/
	export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct)
	packaging/cross/cross sh -ec 'make -s build notices TRIPLE=$$TRIPLE
		packaging/debian/build target/packages $(REVISION)
		packaging/rpm/build target/packages $(REVISION)'
	cp target/arm64/packages/*_arm64.deb target/arm64/packages/*.aarch64.rpm target/packages/

# What is tested is what is installed: release builds.
build:
	$(BUILD)

# jitctl's man pages and completions, from its own definitions.
pages:
	rm -rf target/pages
	$(CARGO) run --release --locked -q -p jit-pages -- target/pages

# Whose crates are in the programs.
notices:
	mkdir -p target/notices
	for name in jitd jitctl pam_jit nss_jit; do TRIPLE=$(TRIPLE) packaging/notices/notices $$name >target/notices/$$name; done

# A server that comes with a package (slapd, a KDC) is neither started now, by policy-rc.d, nor at the next boot.
needed: root
	missing=$$(for p in $(PACKAGES); do dpkg-query -Wf '$${Status}' "$$p" 2>/dev/null | grep -q '^install ok installed' || echo "$$p"; done)
	if [ -n "$$missing" ]; then
		echo "installing packages:" $$missing
		if [ ! -e /usr/sbin/policy-rc.d ]; then
			printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
			trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		fi
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing
		for server in slapd krb5-kdc krb5-admin-server; do
			case " $$missing " in *" $$server "*) update-rc.d $$server disable ;; esac
		done
	fi

root:
	[ "$$(id -u)" = 0 ] || { echo 'Throw-away hosts need root: sudo env "PATH=$$PATH" make …' >&2; exit 1; }
	command -v cargo >/dev/null || { echo 'No cargo in the PATH: install Rust, or run sudo env "PATH=$$PATH" make …' >&2; exit 1; }
