/** Forms at the prompt, of many kinds: processor milliseconds of each, when they have been compiled before and not. */
import { folderFinder, nodeSystem, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { Lisp, Repl } from "@stratos/lisp";
import { median } from "../statistics.ts";

const lisp = new Lisp({ system: nodeSystem(["prompt"]), findLibrary: folderFinder([ownLibraryFolder()]) });
const repl = new Repl(lisp);
const FORMS = [
  "(define (square x) (* x x))",
  "(map square '(1 2 3))",
  "(let loop ((i 0) (l '())) (if (= i 100) (length l) (loop (+ i 1) (cons i l))))",
  "(define-record-type point (make-point x y) point? (x point-x) (y point-y))",
  "(point-x (make-point 1 2))",
  '(string-append "a" (number->string 5))',
  "(define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t)))))",
  "(let ((a 1) (b 2)) (swap! a b) (list a b))",
  "(call-with-values (lambda () (values 1 2)) list)",
  "`(1 ,(+ 1 1) ,@(list 3 4))",
];
const times: number[] = [];
for (let round = 0; round < 20; round++)
  for (const form of FORMS) {
    const before = process.cpuUsage();
    const { isError, text } = repl.submit(form);
    if (isError) throw new Error(`${form}: ${text}`);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
const first = times.slice(0, FORMS.length);
process.stdout.write(
  `median ${median(times).toFixed(2)} ms, of those that are new ${median(first).toFixed(2)}, at most ` +
    `${Math.max(...first).toFixed(2)} ms\n`,
);
