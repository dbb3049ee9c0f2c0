/**
 * Translates what tests start most in the test image: `node translate-programs.ts HOME IMAGE`. Begun with the flags of
 * the command line: machine code is for engines of the same flags.
 */
import { ownProcess } from "@stratos/host-node/home";
import { warmCode } from "@stratos/images/warm-code";

/** Imports of what tests import, without work that would be translated for its own sake. */
const PROGRAMS = [
  {
    name: "python3",
    needs: "/usr/bin/python3",
    line:
      "python3 -c 'import json, os, random, re, sys, tempfile, time'; " +
      "python3 -c 'import http.server, json, os, socket, subprocess, threading, unittest'",
  },
  {
    name: "gcc",
    needs: "/usr/bin/gcc",
    line:
      "cd /tmp && printf '#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\n" +
      'int main(int c, char **v) { printf("%%s\\\\n", v[0]); }\\n\' > a.c && gcc a.c -o a && ./a',
  },
  { name: "perl", needs: "/usr/bin/perl", line: "perl -e 'use JSON::PP; use Socket; use POSIX; print 1'" },
];

const [home, image] = process.argv.slice(2) as [string, string];
ownProcess();
await warmCode({ image, home, programs: PROGRAMS, limits: { allMs: 600_000, oneMs: 300_000 } }, () => {});
