/**
 * Goal: the server finds nothing wrong in programs that are right. Method: all libraries that come along; and a macro
 * that makes plain data, which none of them has.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { Workspace } from "./workspace.ts";

extendedTest("no library that comes along has a problem, and names in it are found", () => {
  const folder = join(import.meta.dirname, "../../scheme");
  const read = (file: string): string | null => (existsSync(file) ? readFileSync(file, "utf8") : null);
  const files = globSync("{srfi,stratos,astra}/*.s{ld,cm}", { cwd: folder }).map((name) => join(folder, name));
  const workspace = new Workspace({
    read,
    list: () => [],
    finderOf: () => (parts) => {
      const file = `${join(folder, ...parts.map(String))}.sld`;
      const text = read(file);
      return text === null ? null : { file, text };
    },
    fileOf: (uri) => uri,
    uriOf: (file) => file,
    documentation: [],
    ownFolder: folder,
    usedMs: () => 0,
  });
  for (const file of files) {
    assert.deepEqual(workspace.problemsOf(file), [], file);
    const { occurrences } = workspace.analysisOf(file)!;
    assert.ok(occurrences.length >= 4, file);
  }
  assert.ok(files.length > 60);
});

test("data that a macro computes are no problem", () => {
  const text =
    "(import (scheme base) (stratos syntax)) (define-syntax m (lambda (x) (syntax-case x () ((_ a) " +
    "(with-syntax ((b (+ 1 2)) (c (list 1 #'a))) #'(list b a 'c)))))) (m 5)";
  const workspace = new Workspace({
    read: () => text,
    list: () => [],
    finderOf: () => () => null,
    fileOf: (uri) => uri,
    uriOf: (file) => file,
    documentation: [],
    ownFolder: "/none",
    usedMs: () => 0,
  });
  assert.deepEqual(workspace.problemsOf("/m.scm"), []);
});
