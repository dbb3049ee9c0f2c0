/**
 * What is run around unpacking. Goal: no package is kept waiting, and no shell started, for a script that does nothing
 * on a new system.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { byteStringOf } from "@stratos/base";
import { actsBeforeUnpack, type ScriptedPackage } from "./configure-script.ts";

const acts = (preinst?: string): boolean =>
  actsBeforeUnpack({
    archive: {
      controlFiles: preinst === undefined ? [] : [{ name: "preinst", content: byteStringOf(preinst) }],
    } as unknown as ScriptedPackage["archive"],
  });
const HELPER = 'dpkg-maintscript-helper rm_conffile /etc/apt/trusted.gpg.d/buster-stable.gpg 2023.3\\~\\~ -- "$@"\n';

test("a preinst that debhelper has written for upgrades does nothing on a new system", () => {
  assert.equal(acts(), false);
  assert.equal(
    acts(
      `#!/bin/sh\nset -e\n# Automatically added by dh_installdeb/13.24.2\n${HELPER}${HELPER}# End automatically ` +
        "added section\n",
    ),
    false,
  );
  assert.equal(
    acts('#!/bin/sh -e\n\n\tdpkg-maintscript-helper mv_conffile /etc/a /etc/b 1:4.7-1\\~ package -- "$@"\n\nexit 0'),
    false,
  );
  for (const name of ["symlink_to_dir /usr/share/doc/x y", "dir_to_symlink /usr/share/doc/x y"])
    assert.equal(acts(`#!/bin/sh\ndpkg-maintscript-helper ${name} 1.0-1 x -- "$@"\n`), false);
});

test("every other preinst is run", () => {
  for (const line of [
    "dpkg-divert --add /bin/x",
    `${HELPER.trim()} && touch /x`,
    HELPER.trim().replace('"$@"', "upgrade 1"),
    'dpkg-maintscript-helper rm_conffile `touch /x` 1 -- "$@"',
    'dpkg-maintscript-helper supports rm_conffile -- "$@"',
    "exit 1",
    "set -ex",
    `: ${HELPER.trim()}`,
  ]) {
    assert.equal(acts(`#!/bin/sh\nset -e\n${HELPER}${line}\n`), true, line);
  }
  assert.equal(acts(`#!/usr/bin/perl\n${HELPER}`), true);
  assert.equal(acts(HELPER), true);
});
