/** sed, awk, grep, find, archives, procps, dpkg, apt, sqlite3, vim … */
import type { ProgramCase } from "../support/compare.ts";

const TREE =
  'mkdir -p t/a/b t/c; for i in 1 2 3; do echo "text $i" > t/a/f$i.txt; echo "other $i" > t/c/g$i.md; done; ln ' +
  "-s a/f1.txt t/l; ";

export const TOOL_CASES: readonly ProgramCase[] = [
  {
    name: "sed",
    script:
      "seq 20 > f; sed -n '3,5p;$=' f; sed 's/1\\(.\\)/<\\1>/;2~5d' f | tr '\\n' ' '; sed -e '1!G;h;$!d' f | " +
      "head -2; sed -i.bak 's/^/x/' f; head -1 f f.bak; sed -E 's/(x)([0-9])/\\U\\1\\E-\\2/' f | tail -1; echo " +
      "abc | sed y/abc/xyz/; sed 's/(/' f",
  },
  {
    name: "awk: gawk and mawk",
    script:
      'seq 100 | gawk \'{ s += $1; q[$1 % 7]++ } END { print s, length(q); for (i = 0; i < 7; i++) printf "%d ", ' +
      "q[i]; print \"\" }'; echo 'a:b:c' | awk -F: '{ print $2, NF; $2 = \"x\"; print }'; gawk 'BEGIN { print " +
      'substr("hello", 2, 3), index("hello", "l"), toupper("x"), sprintf("%.3f", atan2(0, -1)); while (("echo a; ' +
      'echo b" | getline l) > 0) print l; print length(), ENVIRON["USER"]; exit 3 }\' </dev/null; echo $?; gawk ' +
      "'{' </dev/null; echo $?",
  },
  {
    name: "grep",
    script:
      `${TREE} grep -rn 'text [12]' t | sort; grep -c o t/c/*; grep -L text t/c/* | head -1; printf ` +
      "'one\\ntwo\\nthree\\n' | grep -vE '^t(w|h)'; echo $?; echo aBc | grep -io b; echo 'a.b' | grep -F .; grep x " +
      "nothing; echo $?; printf 'ab12\\n' | grep -oP '(?<=b)\\d+'; echo foo | grep -q bar; echo $?",
  },
  {
    name: "find and xargs",
    script:
      `${TREE} find t -type f -name '*.txt' | sort; touch -d @1000 t/a/f1.txt; touch -d @2000 t/c/g1.md; find t ` +
      "-type f -newer t/a/f1.txt ! -newer t/c/g1.md; find t -type l; find t -type f -exec cat {} + | sort; find t " +
      "-name 'g*' -print0 | sort -z | xargs -0 -n 2 echo; find t -maxdepth 1 -printf '%y %f\\n' | sort; find t " +
      "-type d -empty; find t -name f1.txt -delete; find t -size -1k; find nothing; echo $?; seq 5 | xargs -P 2 " +
      "-I{} sh -c 'exit 0'; seq 3 | xargs false; echo $?",
  },
  {
    name: "diff, patch-like output, cmp",
    script:
      "seq 10 > a; sed 's/5/five/;8d' a > b; diff a b; diff -u --label a --label b a b; diff -y -W 20 a b; cmp a " +
      "b; echo $?; diff -q a a; mkdir x y; echo 1 > x/f; echo 2 > y/f; diff -r x y; sdiff -s a b; diff3 a b a",
  },
  {
    name: "tar",
    script:
      `${TREE} chmod 640 t/a/f1.txt; tar -cf x.tar --sort=name t; tar -tvf x.tar | awk '{print $1, $2, $3, $6, $7, ` +
      "$8}'; mkdir o; tar -xpf x.tar -C o; diff -r t o/t; for z in gz bz2 xz zst; do tar -caf x.tar.$z t; tar -tf " +
      "x.tar.$z | wc -l; done; tar -xOf x.tar t/a/f2.txt; tar -rf x.tar x.tar.gz; tar -tf x.tar | tail -1; tar -xf " +
      "nothing; echo $?",
  },
  {
    name: "gzip bzip2 xz zstd",
    script:
      "seq 30000 > f; for z in gzip bzip2 'xz -T1' 'zstd -q -T1'; do $z -k -c f > p; $z -dc p | cmp - f; ls p > " +
      "/dev/null; done; gzip -9 -n -c f | md5sum; bzip2 -c f | md5sum; xz -T1 -6 -c f | md5sum; gzip -l <(gzip " +
      "-nc f) 2>/dev/null | tail -1 | awk '{print $2}'; echo x | gzip -d; echo $?; zcat <(gzip -c f) | tail -1; " +
      "xz -t f; echo $?",
  },
  {
    name: "file and strings of bytes",
    script:
      "file -b /bin/true | cut -d, -f1-3; file -b --mime-type /etc/passwd /usr/bin/ldd; printf " +
      "'\\x89PNG\\r\\n\\032\\n' > p; file -b p; seq 5 > s; file s; file nothing",
  },
  {
    name: "procps: ps of ourselves, pgrep, free, uptime, sysctl",
    script:
      "ps -o comm= -p $$; sleep 30 & until pgrep -x sleep -P $$ > n; do :; done; wc -l < n; pkill -x -P $$ sleep; " +
      "wait; ps -e -o comm= | grep -c '^bash$' > /dev/null; free -b | head -1; ps -o ppid= -p $$ > /dev/null; echo " +
      "$?; pidof nothing; echo $?",
  },
  {
    name: "dpkg: queries on the database",
    script:
      "dpkg --version | head -1; dpkg -s bash | grep -E '^(Package|Status|Version)'; dpkg -S /bin/bash " +
      "/usr/bin/env; dpkg -L base-files | sort | head -5; dpkg-query -W -f '${Package} ${db:Status-Status}\\n' | " +
      "sort | md5sum; dpkg --audit; dpkg --compare-versions 1.2~rc1 lt 1.2; echo $?; dpkg -l nosuchpackage; echo " +
      "$?; dpkg --print-architecture; dpkg -V coreutils; echo $?",
  },
  {
    name: "dpkg: builds, installs, removes a package",
    script:
      "mkdir -p p/DEBIAN p/usr/share/x p/etc; printf 'Package: x\\nVersion: 1.0\\nArchitecture: " +
      "all\\nMaintainer: a <a@example.org>\\nDescription: x\\n' > p/DEBIAN/control; echo /etc/x.conf > " +
      "p/DEBIAN/conffiles; printf '#!/bin/sh\\necho postinst $1\\n' > p/DEBIAN/postinst; chmod 755 " +
      "p/DEBIAN/postinst; echo hi > p/usr/share/x/f; echo c > p/etc/x.conf; dpkg-deb --root-owner-group -b p " +
      "x.deb; dpkg-deb -c x.deb | awk '{print $1, $2, $6}'; mkdir -p r/var/lib/dpkg; touch " +
      "r/var/lib/dpkg/status; dpkg --root=$PWD/r --force-all --force-script-chrootless -i x.deb > log 2>&1; echo " +
      "$?; cat r/usr/share/x/f; dpkg --root=$PWD/r -s x | head -3; dpkg --root=$PWD/r --force-all " +
      "--force-script-chrootless -P x > log2 2>&1; echo $?; ls r/usr/share/x",
  },
  {
    name: "apt without a network",
    script:
      "apt-cache policy bash | head -3; apt-config shell x Dir::State; apt-mark showmanual | wc -l; apt-get -s " +
      "install nosuchpackage; echo $?; apt-get check; echo $?",
  },
  {
    name: "sqlite3",
    script:
      'sqlite3 d.db \'create table t(a integer primary key, b text); insert into t values(1,"x"),(2,"y"); ' +
      "create index i on t(b);'; sqlite3 -header -csv d.db 'select * from t'; sqlite3 d.db \"begin; insert into " +
      "t(b) values('z'); rollback; select count(*), sum(a) from t; pragma integrity_check;\"; sqlite3 -json d.db " +
      "'select b, length(b) l from t'; sqlite3 d.db 'select * from none'; echo $?; sqlite3 d.db 'pragma " +
      "journal_mode=wal; insert into t(b) values(1); select max(a) from t'",
  },
  {
    name: "bc",
    script:
      "echo '2^200; scale=30; 4*a(1); s(1); sqrt(2)' | bc -l; echo 'define f(n) { if (n < 2) return n; return " +
      "f(n-1) + f(n-2); } f(15)' | bc; echo 'obase=16; 255' | bc; echo '1/0' | bc",
  },
  {
    name: "vim in batch",
    script:
      "printf 'one\\ntwo\\nthree\\n' > f; vim.tiny -u NONE -es -c '%s/t/T/g' -c '$d' -c 'wq' f; echo $?; cat f; " +
      "vim.tiny --version | head -1",
  },
  {
    name: "make",
    script:
      "printf 'all: a b\\n\\t@echo all\\na b:\\n\\t@echo making $@; touch $@\\nfail:\\n\\t@false\\n%%.o: " +
      "%%.c\\n\\t@echo $< $@\\nV := $(shell echo v)\\nshow:\\n\\t@echo $(V) $(words a b c)\\n' > Makefile; make; " +
      "make; make -j2 show; touch x.c; make x.o; make fail; echo $?; make -n all; make nothing; echo $?",
  },
  {
    name: "git",
    script:
      "export HOME=$PWD GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'; git " +
      "config --global user.name a; git config --global user.email a@example.org; git config --global " +
      "init.defaultBranch main; git init -q r; cd r; for i in $(seq 20); do echo $i > f$i; done; git add .; git " +
      "commit -q -m one; git checkout -q -b side; echo x >> f1; git commit -q -am two; git checkout -q main; " +
      "echo y > g; git add g; git commit -q -m three; git merge -q side -m merge; git log --oneline --graph; git " +
      "diff HEAD~1 --stat; git fsck --strict; git gc -q; git count-objects -v | grep in-pack; cd ..; git clone " +
      "-q r c; git -C c log -1 --format=%H; git -C c status --short; echo z > c/f2; git -C c diff; git -C c " +
      "stash -q; git -C c show nothing; echo $?; git -C c rebase -q HEAD~1; git -C c bisect 2>&1 | head -1",
  },
  {
    name: "less and more pass text on when not on a terminal",
    script: "seq 5 | less; seq 3 > f; less f; less nothing; echo $?; more f",
  },
  {
    name: "curl: file URLs and errors without a network",
    script:
      "echo content > f; curl -s file://$PWD/f; curl -s file:///nothing; echo $?; curl -sS bogus://x; echo $?; " +
      "curl --version | head -1 | cut -d' ' -f1",
  },
];
