/**
 * Goal: in the shell `astra` a line that begins with ( is Lisp, and both see each other; nothing that is typed ends the
 * shell. Method: at a pseudo-terminal a person's keys are pressed when what they answer to has appeared; files and
 * options run without one.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { launcher, stratos } from "./support/stratos.ts";
import { TerminalSession } from "./support/terminal.ts";
import { ensureAstraHome } from "./support/test-image.ts";

const UP = "\x1b[A",
  INTERRUPT = "\x03";

let home: string;
before(async () => {
  home = await ensureAstraHome();
});

/** The shell draws its line anew at each key: what stands there is what follows the last prompt. */
const PROMPT = /\x1b\[JREADY \r\x1b\[6C$/;

async function atPrompt(body: (session: TerminalSession) => Promise<void>, ended = 7): Promise<void> {
  const words = [...launcher, "run", "-i", "astra", "-e", "PS1=READY ", "-e", "TERM=xterm", "-e", "NO_COLOR=1"];
  const session = new TerminalSession(
    [...words, "--", "astra"],
    { STRATOS_HOME: home },
    {
      rows: 30,
      columns: 90,
    },
  );
  try {
    await session.expect(PROMPT);
    await body(session);
    session.type("(exit 7)\r");
    assert.equal(await session.ended(), ended);
  } finally {
    session.kill();
  }
}

/** What a line writes, until the next prompt. @param written  what it must write: waited for */
async function enter(session: TerminalSession, keys: string, written: RegExp): Promise<void> {
  session.type(`${keys}\r`);
  await session.expect(written);
  await session.expect(PROMPT);
}

test("a line that begins with ( is Lisp, of several lines where it needs them", async () => {
  await atPrompt(async (session) => {
    await enter(session, "(+ 1 2)", /\r\n3\r\n/);
    await enter(session, "(define (twice x) (* 2 x))", /\r\n/);
    await enter(session, "(twice 21) (string #\\\xc3\xa4)", /\r\n42\r\n"\xc3\xa4"\r\n/);
    await enter(session, "(car 5)", /\r\nastra: car: expected a pair, got 5\r\n {2}in \(car 5\)\r\n/);
    await enter(session, "echo $? ,(twice 4)", /\r\n1 8\r\n/);
    await enter(session, "(if #f #f)", /\r\n/);
    await enter(session, "echo $?", /\r\n0\r\n/);
    await enter(session, " (cd /tmp; pwd)", /\r\n\/tmp\r\n/);
    session.type("(define (square x)\r");
    await session.expect(/\(define \(square x\)\r+\n {4}> {3}\r/);
    session.type("(* x x))\r");
    await session.expect(PROMPT);
    await enter(session, "(square 12)", /\r\n144\r\n/);
    session.type(UP + UP);
    await session.expect(/\x1b\[JREADY \(define \(square x\)\r+\n {4}> {3}\(\* x x\)\)/);
    session.type("\x7f\r");
    await session.expect(/\n {4}> {3}\r/);
    session.type(` 'again)${INTERRUPT}`);
    await session.expect(/\^C\r+\n/);
    await session.expect(PROMPT);
    session.type("(string-upc\t");
    await session.expect(/READY \(string-upcase\r/);
    await enter(session, ' "abc")', /\r\n"ABC"\r\n/);
    session.type('(file-exists? "/etc/hostn\t');
    await session.expect(/"\/etc\/hostname\r/);
    await enter(session, '")', /\r\n#t\r\n/);
  });
});

extendedTest("Lisp is interrupted, fills the heap and raises what it likes: the prompt comes again", async () => {
  await atPrompt(async (session) => {
    session.type("(begin (display 'running) (newline) (flush-output-port) (let loop () (loop)))\r");
    await session.expect(/\r\nrunning\r\n/);
    session.type(INTERRUPT);
    await session.expect(/interrupted\r\n/);
    await session.expect(PROMPT);
    await enter(session, "echo $?", /\r\n130\r\n/);
    session.type("(begin (display 'turning) (newline) (flush-output-port) (for-each pair? '#0=((1) . #0#)))\r");
    await session.expect(/\r\nturning\r\n/);
    session.type(INTERRUPT);
    await session.expect(/interrupted\r\n/);
    await session.expect(PROMPT);
    session.type("(begin (display 'waiting) (newline) (flush-output-port) (read-line))\r");
    await session.expect(/\r\nwaiting\r\n/);
    session.type(INTERRUPT);
    await session.expect(/interrupted\r\n/);
    await session.expect(PROMPT);
    await enter(session, "(define kept 'kept)", /\r\n/);
    await enter(session, "(heap-limit 64000000)", /\r\n/);
    await enter(session, "(let loop ((l '())) (loop (cons 1 l)))", /out of memory/);
    await enter(session, "(define l '()) (let loop () (set! l (cons 1 l)) (loop))", /out of memory/);
    await enter(session, "(set! l #f) kept", /only Lisp may stand, not: kept/);
    await enter(session, "(set! l #f)", /\r\n/);
    await enter(session, "(begin kept)", /\r\nkept\r\n/);
    await enter(session, "(with-exception-handler (lambda (e) (car e)) (lambda () (raise 1)))", /expected a pair/);
    await enter(session, "(call/cc (lambda (c) (set! l c)))", /\r\n/);
    await enter(session, "(if (procedure? l) (l 5))", /\r\n/);
    await enter(session, "(dynamic-wind (lambda () 1) (lambda () (car 1)) (lambda () (car 2)))", /expected a pair/);
    await enter(session, "(begin (close-port (current-output-port)) 1)", /./);
    await enter(session, "(display 'open)", /open/);
    await enter(session, "echo ,(car '()) ; echo $?", /\r\n[^\r]*failed[^\r]*\r\n/);
    await enter(session, "(run 'false)", /\r\n1\r\n/);
  });
});

test("texts that nobody would write do not end the shell", async () => {
  const random = new SeededRandom(64);
  const pieces = [
    "(",
    ")",
    '"',
    "|",
    "#",
    "\\",
    ";",
    "'",
    "`",
    ",",
    "@",
    " ",
    "a",
    "define",
    "let",
    "lambda",
    "...",
    "#|",
    "|#",
    "#;",
    "#\\x",
    "#(",
    "#u8(",
    "1e999",
    "#e1e99",
    ".",
    "ä",
    "\x01",
    "=",
    "$",
    "$(",
    "{",
    "}",
    "<",
    "&",
    "if",
    "quote",
    "syntax-rules",
    "()",
    "begin",
    "car",
    "1/0",
    "-",
    "eval",
    "load",
    "exec",
    "#d",
    "#!fold-case",
    "\x7f",
  ];
  const lines: string[] = [];
  for (let i = 0; i < 150; i += 1)
    lines.push(
      `(${Array.from({ length: 1 + random.below(12) }, () => pieces[random.below(pieces.length)]!).join(
        random.below(2) === 0 ? " " : "",
      )}`,
    );
  const own = lines.map((line) => `lisp '${line.replaceAll("'", "'\\''")}' >/dev/null 2>&1 </dev/null`);
  const { stdout, status } = await stratos(
    ["run", "-i", "astra", "--", "astra", "-c", `${own.join("\n")}\necho still here`],
    { env: { STRATOS_HOME: home } },
  );
  assert.deepEqual([stdout, status], ["still here\n", 0]);
});

test("files of the shell may hold Lisp, sh and -c do not, --lisp is all Lisp", async () => {
  const file = [
    "#!/usr/bin/env astra",
    "# commands and Lisp",
    "(define-command (hi who . others)",
    '  (display (string-append "hi " who)) (newline)',
    "  (+ 3 (length others)))",
    "hi Bob; echo $?",
    "hi Ann x y | tr a-z A-Z",
    'set -- ,@(list 1 \'two "three four"); echo $# "$3" ,(* 6 7)x',
    "(set-shell-variable! 'V (run->string 'echo 'from 'echo))",
    'echo "$V"; export V',
    '(sh->lines "sort" "b\\na\\n") (get-environment-variable "V")',
    'if lisp \'(string<? "b" "a")\'; then echo less; else echo not; fi',
    "(car",
    "  'x) ; a comment",
    "echo $?",
    "unset -f hi; hi; echo $?",
    "(exit 5)",
  ].join("\n");
  const script = `cat >/tmp/f <<'END'\n${file}\nEND\nastra /tmp/f; echo "= $?"
astra -c '(echo sub); echo ,a'; sh -c '(echo sh)'; echo '(echo input)' | astra; astra -o lisp -c 'echo ,(+ 1 2)'
astra --lisp -e '(write (shell-arguments)) 3' a b; echo " $?"; echo "(display 'in)" | astra --lisp; echo " $?"
echo '(define x 1) (display "loaded") (exit x)' >/tmp/g; astra --lisp /tmp/g; echo " $?"`;
  const { stdout, stderr } = await stratos(["run", "-i", "astra", "--", "sh", "-c", script], {
    env: { STRATOS_HOME: home },
  });
  assert.equal(
    stdout,
    [
      "hi Bob",
      "3",
      "HI ANN",
      "3 three four 42x",
      "from echo",
      '("a" "b")',
      '"from echo"',
      "not",
      "1",
      "127",
      "= 5",
      "sub",
      ",a",
      "sh",
      "input",
      "3",
      '("a" "b") 3',
      "in 0",
      "loaded 1",
      "",
    ].join("\n"),
  );
  assert.equal(stderr, "/tmp/f: line 13: car: expected a pair, got x\n  in (car 'x)\n/tmp/f: hi: not found\n");
});

test("the examples of docs/lisp/shell.md write what the page says", async () => {
  const page = readFileSync(new URL("../docs/lisp/shell.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/^```astra\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/gm)];
  assert.equal(examples.length, page.match(/^```astra$/gm)!.length);
  const between = "=====\n";
  const script = examples.map(
    ([, text]) => `cat >/tmp/example <<'=END='\n${text}=END=\nastra /tmp/example 2>&1; printf '${between}'`,
  );
  const { stdout } = await stratos(["run", "-i", "astra", "--", "sh", "-c", script.join("\n")], {
    env: { STRATOS_HOME: home },
  });
  const told = stdout.split(between);
  for (const [index, [, text, expected]] of examples.entries()) assert.equal(told[index], expected, text);
});
