/** Each program of coreutils at least once, grouped so that one start serves several. */
import type { ProgramCase } from "../support/compare.ts";

const WORDS = 'for i in $(seq 200); do echo "line $i $((i * 7919 % 1009)) word$((i % 17))"; done > f; ';

export const COREUTILS_CASES: readonly ProgramCase[] = [
  {
    name: "coreutils: reading text: cat tac head tail nl od wc",
    script:
      `${WORDS} cat -A f | head -3; tac f | head -n 2; tail -c 40 f; tail -n +198 f; nl -ba f | tail -1; od -c f | ` +
      "head -3; od -t x8 f | tail -2; wc f; wc -lwcmL f",
  },
  {
    name: "coreutils: sums: cksum md5sum sha*sum b2sum sum",
    script:
      `${WORDS} cksum f; md5sum f; sha1sum f; sha224sum f; sha256sum f; sha384sum f; sha512sum f; b2sum f; sum f; ` +
      "sha256sum f > s; sha256sum -c s; echo x >> f; sha256sum -c s",
  },
  {
    name: "coreutils: sorting: sort uniq comm join shuf tsort",
    script:
      `${WORDS} sort -k3,3n -k2,2nr f | head -5; cut -d' ' -f4 f | sort | uniq -c; sort f > a; sort -R ` +
      "--random-source=f f | sort > b; comm -3 a b; join -1 4 -2 4 <(sort -k4,4 f) <(sort -k4,4 f) | md5sum; shuf " +
      "--random-source=f -n 3 f; printf 'a b b c a c' | tsort; sort -c f",
  },
  {
    name: "coreutils: columns: cut paste tr expand unexpand fold fmt pr column",
    script:
      `${WORDS} cut -c2-5,8 f | head -2; paste -s -d, f | cut -c1-60; paste f f | head -1; tr a-z A-Z < f | head ` +
      "-1; tr -d 0-9 < f | tr -s ' ' | sort -u | head -3; printf 'a\\tb\\n' | expand -t 4; printf '        b\\n' | " +
      "unexpand -a | od -c; fold -w 10 f | head -4; fmt -w 30 f | head -3; pr -l 20 -h title -D date f | head -8",
  },
  {
    name: "coreutils: splitting: split csplit",
    script:
      `${WORDS} split -l 60 f part.; ls part.*; cat part.* | cmp - f; split -n 3 -d f n.; wc -c n.*; csplit -s f ` +
      "'/line 50 /' '{1}' ; ls xx*; csplit f /nothing/",
  },
  {
    name: "coreutils: files: cp mv rm ln link unlink ls stat touch",
    script:
      "mkdir d; echo a > a; cp a b; cp -r d e; ln a hard; ln -s a soft; link a hard2; cp -a soft soft2; mv b c; " +
      "touch -d '2020-01-02 03:04:05 UTC' a; ls -lR --time-style=+%s | grep -v ^total | awk '/^[-l]/ { $6 = " +
      "\"T\"; print }'; stat -c '%n %h %F %a %U:%G' *; stat -c %s a soft; stat -c %Y a; readlink soft soft2; " +
      "unlink hard2; rm -rf d e; rm nothing; ls; rm -i c < /dev/null; mv a a; cp a a; ln a hard",
  },
  {
    name: "coreutils: folders: mkdir rmdir mktemp pwd realpath basename dirname",
    script:
      "mkdir -p a/b/c; mkdir a; mkdir -m 700 s; stat -c %a s; rmdir a; rmdir -p a/b/c; ls; cd s; pwd -P; cd ..; " +
      "realpath s/../s /usr/bin/../lib; realpath --relative-to=/usr /bin/ls; basename /x/y.txt .txt; dirname " +
      "/x/y.txt; mktemp -u -t XXXX | wc -c; d=$(mktemp -d); stat -c %a $d",
  },
  {
    name: "coreutils: modes: chmod chown chgrp install mkfifo mknod truncate",
    script:
      "echo x > f; chmod 4751 f; stat -c %a f; chmod u-s,g+w,o= f; stat -c %A f; chmod +X f; chown 12:34 f; stat " +
      "-c '%u %g' f; chgrp 56 f; stat -c '%u %g' f; install -m 640 -o 3 -g 4 f g; stat -c '%a %u %g' g; mkfifo " +
      "p; mknod n c 1 3; stat -c '%F %t %T' p n; truncate -s 10000 t; stat -c '%s %b' t; truncate -s 5 f; stat " +
      "-c %s f; umask 077; touch u; stat -c %a u",
  },
  {
    name: "coreutils: copying bytes: dd tee yes seq numfmt",
    script:
      "dd if=/dev/zero bs=1000 count=3 2>/dev/null | tr '\\0' x | tee a b | wc -c; cmp a b; dd if=a of=b bs=7 " +
      "skip=2 seek=3 count=5 conv=notrunc status=none; md5sum b; yes ab | head -3; seq 3 3 12; seq -w 8 11; seq " +
      "-s, 5 -1 1; numfmt --to=iec 123456789; numfmt --from=si 5K; dd if=nothing",
  },
  {
    name: "coreutils: printing: echo printf expr factor test true false",
    script:
      "echo -e 'a\\tb'; /bin/echo -n x; printf '%05d|%-6s|%x|%e|%q\\n' 42 ab 255 3.5 'a b'; expr 7 \\* 6; expr " +
      "abc : 'a\\(.*\\)'; expr 5 / 0; factor 1234567890 97 18446744073709551557; /usr/bin/test 3 -gt 2; echo $?; " +
      "[ -d /usr -a ! -e /nothing ]; echo $?; true; echo $?; false; echo $?",
  },
  {
    name: "coreutils: encodings: base32 base64 basenc",
    script:
      "head -c 100 /etc/passwd | base64; head -c 20 /etc/passwd | base32; echo aGVsbG8= | base64 -d; echo; " +
      "printf 'a\\377' | basenc --base16; echo '!' | base64 -d",
  },
  {
    name: "coreutils: processes: env nice nohup timeout sleep kill",
    script:
      "{ env -i A=1 env; env -u HOME printenv HOME; echo $?; printenv USER; echo $(($(nice -n 5 nice) - $(nice))); " +
      "timeout 0.2 sleep 5; echo $?; timeout -s KILL 0.2 sleep 5; echo $?; sleep 0.01; nohup echo hi 2>/dev/null; " +
      "sh -c 'kill -TERM $$'; echo $?; stdbuf -oL echo line; } 2>&1 | sed 's/  *[0-9]* Killed/ PID Killed/'",
  },
  {
    name: "coreutils: identity: id whoami groups logname arch nproc uname hostid",
    script: "id; id -u nobody; whoami; groups; arch; uname -ms; id nosuchuser; users; who",
  },
  {
    name: "coreutils: dates: date",
    script:
      "export TZ=UTC; date -d @1700000000; date -d '2024-02-29 +1 year' +%F; date -u -d '2000-01-01 12:34:56' " +
      "+'%s %j %U %a'; date -d 'not a date'",
  },
  {
    name: "coreutils: space: df du sync",
    script:
      "mkdir d; head -c 5000 /dev/zero > d/f; du --apparent-size -b d; du -a --apparent-size d; sync d/f; echo " +
      "$?; df nothing; pathchk -p 'a b'; echo $?",
  },
  {
    name: "coreutils: ls forms: dir vdir dircolors ptx",
    script:
      "touch c a b; mkdir z; dir; ls -1F; ls -m; ls -x; ls --color=always; ls -d .*; dircolors -b | head -c 100; " +
      "echo; printf 'the quick fox\\n' | ptx; ls nothing; echo $?",
  },
  {
    name: "coreutils: shred chroot chcon runcon pinky stty tty",
    script:
      "echo x > f; chcon user_u:object_r:tmp_t f; echo $?; runcon a b; echo $?; pinky -l root | head -1; shred " +
      "-u f; ls; chroot / /bin/echo in; echo hi | tty; echo $?; stty < /dev/null; echo $?",
  },
  {
    name: "coreutils: links and times survive cp -a and a pipe through tar",
    script:
      "mkdir s; echo a > s/a; ln s/a s/b; ln -s a s/c; touch -d @1000000000 s/a; chmod 600 s/a; cp -a s t; stat " +
      "-c '%n %a %h %Y %F' t/a t/b t/c | sed 's/ [0-9]* symbolic/ T symbolic/'; tar -C s -cf - . | tar -xf - -C " +
      "t; ls t; du -b t/a",
  },
];
