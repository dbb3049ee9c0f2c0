/**
 * Programs whose translations are made when an image is: what most people's first commands in it execute. Each is a
 * line for `sh -c` that works for about a second on what every Debian system has, and runs where `needs` is there.
 */
export interface WarmProgram {
  readonly name: string;
  /** Absolute path in the image. */
  readonly needs: string;
  readonly line: string;
}

export const WARM_PROGRAMS: readonly WarmProgram[] = [
  {
    name: "sh",
    needs: "/bin/sh",
    line: 'i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); x="${i#1}"; done',
  },
  {
    name: "bash",
    needs: "/usr/bin/bash",
    line:
      "bash -c 'declare -A a; for ((i = 0; i < 9000; i++)); do a[k$i]=$((i * 7)); " +
      '[[ $i == *99 ]] && b+=("${a[k$i]}"); done; printf "%s\\n" "${b[@]}" >/dev/null\'',
  },
  {
    name: "python3",
    needs: "/usr/bin/python3",
    line:
      "python3 -c pass; python3 -c 'import argparse, collections, json, os, pathlib, re, subprocess, unittest\n" +
      'd = {str(i): [i * 7919 % 1013, "word %d" % i] for i in range(6000)}\n' +
      't = json.dumps(d); json.loads(t); re.findall(r"[a-z]+ \\d+", t); sorted(v[0] for v in d.values())\n' +
      "class A:\n  def __init__(self, x): self.x = x\n  def f(self): return self.x + 1\n" +
      'print(sum(A(i).f() for i in range(20000)), len(os.listdir("/usr/bin")))\n' +
      'print([l.split() for l in open("/etc/passwd")])\'',
  },
  {
    name: "coreutils",
    needs: "/usr/bin/sort",
    line:
      "ls -lR /etc /usr/bin >/tmp/l; sort -k5 -n /tmp/l | uniq -c | cut -c1-60 | tr a-z A-Z | head -2000 | wc; " +
      "sha256sum /usr/bin/* | md5sum; cp -r /etc /tmp/e; du -s /tmp/e; rm -r /tmp/e",
  },
  { name: "find", needs: "/usr/bin/find", line: "find /usr -name '*.so*' -size +9k -newer /etc/passwd" },
  { name: "grep", needs: "/usr/bin/grep", line: "grep -rnE 'the|[a-f]+[0-9]{2,}' /etc /usr/share/common-licenses" },
  {
    name: "sed",
    needs: "/usr/bin/sed",
    line: "cat /usr/share/common-licenses/* | sed -E 's/([a-z]+) ([a-z]+)/\\2 \\1/g'",
  },
  {
    name: "awk",
    needs: "/usr/bin/awk",
    line:
      "cat /usr/share/common-licenses/* | " +
      "awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print n[w], w }'",
  },
  { name: "tar", needs: "/usr/bin/tar", line: "tar cf /tmp/t.tar /etc && tar tvf /tmp/t.tar" },
  { name: "gzip", needs: "/usr/bin/gzip", line: "tar cf - /etc | gzip | gzip -d | wc -c" },
  { name: "xz", needs: "/usr/bin/xz", line: "tar cf - /etc | xz -1 | xz -d | wc -c" },
  { name: "bzip2", needs: "/usr/bin/bzip2", line: "tar cf - /etc | bzip2 | bzip2 -d | wc -c" },
  { name: "zstd", needs: "/usr/bin/zstd", line: "tar cf - /etc | zstd | zstd -d | wc -c" },
  {
    name: "perl",
    needs: "/usr/bin/perl",
    line:
      'perl -e \'my %h; for my $i (1 .. 40000) { my $w = "w" . ($i * 7 % 997); $h{$w} .= chr(97 + $i % 26) } ' +
      'my $n = 0; for (sort keys %h) { $n++ if $h{$_} =~ /a.*z/ } print "$n\\n"\'',
  },
  {
    name: "git",
    needs: "/usr/bin/git",
    line:
      "cp -r /etc/. /tmp/r && cd /tmp/r && git init -q . && git add . && " +
      "git -c user.name=a -c user.email=a@b commit -qm first && git status && git log --stat | wc",
  },
  {
    name: "gcc",
    needs: "/usr/bin/gcc",
    line:
      "cd /tmp && printf '#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\nint main(int c,char**v)" +
      '{for(int i=0;i<c;i++)printf("%%s %%zu\\\\n",v[i],strlen(v[i]));}\\n\' >a.c && gcc -O2 a.c -o a && ./a x',
  },
  {
    name: "ruby",
    needs: "/usr/bin/ruby",
    line: "ruby -e 'h = Hash.new(0); 60000.times { |i| h[\"k#{i % 997}\"] += i }; puts h.size'",
  },
  {
    name: "node",
    needs: "/usr/bin/node",
    line: "node -e 'console.log(JSON.stringify([...Array(9999).keys()]).length)'",
  },
  {
    name: "php",
    needs: "/usr/bin/php",
    line: "php -r '$a = []; for ($i = 0; $i < 99999; $i++) $a[\"k\" . $i % 997] = md5($i); echo count($a);'",
  },
  {
    name: "sqlite3",
    needs: "/usr/bin/sqlite3",
    line:
      "sqlite3 :memory: 'create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n " +
      "where i < 20000) insert into t select i, hex(i * 7919) from n; create index x on t(b); " +
      "select count(*), max(b) from t where b > 3;'",
  },
  {
    name: "openssl",
    needs: "/usr/bin/openssl",
    line:
      "for h in sha256 sha512; do openssl dgst -$h /usr/bin/*; done; " +
      "cat /usr/bin/* | head -c 9000000 | openssl enc -aes-128-cbc -k a -pbkdf2 | wc -c",
  },
  { name: "dpkg", needs: "/usr/bin/dpkg", line: "dpkg -l; dpkg -S /usr/bin/dpkg" },
];
