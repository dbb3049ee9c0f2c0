/** bash: the language, and what it asks of the kernel: pipes, signals, jobs, descriptors. */
import type { ProgramCase } from "../support/compare.ts";

export const SHELL_CASES: readonly ProgramCase[] = [
  {
    name: "bash: arithmetic, arrays, patterns",
    script:
      'a=(1 2 3); a+=(4); echo ${#a[@]} ${a[@]:1:2}; declare -A m=([x]=1 [y]=2); for k in "${!m[@]}"; do echo $k ' +
      "${m[$k]}; done | sort; s=hello.tar.gz; echo ${s%.*} ${s%%.*} ${s#*.} ${s/l/L} ${s^^} ${#s}; echo $((2**40 " +
      "+ 0x10 % 7)) $((1 << 62)); [[ abc =~ ^a(.)c$ ]] && echo ${BASH_REMATCH[1]}; echo {1..5}{a,b}; printf -v x " +
      "%03d 7; echo $x",
  },
  {
    name: "bash: functions, recursion, here documents, traps",
    script:
      "f() { local n=$1; ((n < 2)) && echo $n || echo $(($(f $((n-1))) + $(f $((n-2))))); }; f 9; cat <<EOF\n" +
      "$((6*7)) $(echo sub)\nEOF\ncat <<'EOF'\n$x\nEOF\n" +
      "trap 'echo bye' EXIT; trap 'echo usr' USR1; kill -USR1 $$; (exit 3); echo $?; return_ok() { return 5; }; " +
      "return_ok; echo $?",
  },
  {
    name: "bash: pipelines and their statuses",
    script:
      "true | false | exit 3; echo ${PIPESTATUS[@]}; set -o pipefail; false | true; echo $?; seq 100000 | head " +
      "-1; yes | head -2 | wc -l; echo a | { read x; echo got $x; }; cat < <(echo process substitution); echo x " +
      "| tee >(cat > t) > /dev/null; until [ -s t ]; do :; done; cat t",
  },
  {
    name: "bash: descriptors",
    script:
      "exec 5> f; echo a >&5; exec 5>&-; cat f; { echo out; echo err >&2; } 2>&1 >/dev/null | sed s/^/e:/; echo " +
      "b 2>&1 1>f; cat f; exec 6<f; read -u 6 l; echo $l; exec 6<&-; echo x >&9; echo $?; set -C; echo y > f; " +
      "echo $?; cat nothing 2>/dev/null; echo $?",
  },
  {
    name: "bash: background jobs and wait",
    script:
      "for i in 1 2 3; do (sleep 0.0$i; exit $i) & p[$i]=$!; done; for i in 3 1 2; do wait ${p[$i]}; echo $?; " +
      "done; sleep 30 & kill %1; wait %1; echo $?; (exit 9) & wait -n; echo $?; wait; echo done",
  },
  {
    name: "bash: signals to children",
    script:
      "{ sh -c 'kill -SEGV $$'; echo $?; sh -c 'trap \"echo caught; exit 4\" TERM; kill -TERM $$; echo no'; echo " +
      "$?; bash -c 'kill -STOP $$; echo continued' & until [[ $(< /proc/$!/stat) == *') T '* ]]; do :; done; kill " +
      "-CONT $!; wait $!; echo $?; (trap '' INT; kill -INT $BASHPID; echo ignored); } 2>&1 | sed 's/  *[0-9]* Seg/ " +
      "PID Seg/'",
  },
  {
    name: "bash: globs and tests on files",
    script:
      "touch a1 a2 b1 .hidden; mkdir d; ln -s a1 l; echo *; echo a? [!a]* ; shopt -s extglob nullglob dotglob; " +
      "echo !(a*); echo nothing*; for t in -e -f -d -L -s -x -w -O; do for x in a1 d l none; do [ $t $x ] && " +
      'echo -n "$t $x; "; done; done; echo; [ a1 -nt none ] && echo newer; [ a1 -ef l ] && echo same',
  },
  {
    name: "bash: limits and umask",
    script:
      "ulimit -n 20; ulimit -n; umask; umask -S; ulimit -c; (ulimit -f 1; trap '' XFSZ; head -c 10000 /dev/zero " +
      "> big; stat -c %s big); bash -c 'ulimit -n 5; exec 7<&0'; echo $?",
  },
  {
    name: "bash: read, mapfile, select from a pipe",
    script:
      'while IFS=: read -r a b c; do echo "$b-$a"; done; mapfile -t l < <(seq 3); echo ${#l[@]} ${l[2]}; read ' +
      "-t 0.05 x < <(exec sleep 9 2> /dev/null); echo $?; read -n 3 y <<< abcdef; echo $y; read -d ';' z <<< 'a " +
      "b;c'; echo $z",
    stdin: "1:2:3\nx:y:z\n",
  },
  {
    name: "bash: errors",
    script:
      "nosuchcommand; echo $?; /etc/passwd; echo $?; ./none; echo $?; bash -c 'if'; echo $?; bash -u -c 'echo " +
      "$undefined'; echo $?; cd /nothing; echo $?; bash -e -c 'false; echo no'; echo $?; mkdir d; ./d; echo $?; " +
      "printf '#!/nothing\\n' > s; chmod +x s; ./s; echo $?",
  },
  {
    name: "bash: a limit of CPU time",
    script:
      "{ (ulimit -t 1; while :; do :; done); echo $?; } 2>/dev/null; (ulimit -S -t 1; trap 'echo late; exit 3' " +
      "XCPU; while :; do :; done); echo $?",
  },
  {
    name: "dash",
    script:
      "dash -c 'i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; echo $i; set -- a b c; shift; echo $# $*; case " +
      'abc in a*) echo yes;; esac; echo "${x:-default}"; f() { echo in $1; }; f 1; exit 6\'; echo $?',
  },
  {
    name: "scripts with an interpreter line",
    script:
      "printf '#!/bin/sh -e\\necho \"$0 $#\" \"$@\"\\n' > s; chmod 755 s; ./s a 'b c'; printf '#!/usr/bin/env -S " +
      "python3 -u\\nimport sys; print(sys.argv[1:])\\n' > p; chmod 755 p; ./p 1 2; printf 'echo plain $1\\n' > " +
      "n; chmod 755 n; ./n x",
  },
];
