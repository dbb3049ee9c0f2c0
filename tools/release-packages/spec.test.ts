/** Goal: the spec file owns each file and link once, with its mode; names of files are no patterns or macros of rpm. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseOf } from "./release.ts";
import { rpmSpec } from "./spec.ts";

const release = releaseOf({ version: "1.2.0-rc.1", epoch: 1_795_658_260, maintainer: "A 100% B <a@b.example>" });
const tree = {
  files: [
    { path: "/usr/bin/stratos", mode: 0o777, isLink: true },
    { path: "/usr/lib/stratos/a%b[1]*.mjs", mode: 0o644, isLink: false },
    { path: "/usr/sbin/mount.aegisfs", mode: 0o755, isLink: false },
    { path: "/usr/share/doc/stratos/LICENSE-MIT", mode: 0o644, isLink: false },
    { path: "/usr/share/man/man1/stratos.1.gz", mode: 0o644, isLink: false },
  ],
  folders: ["/usr/lib/stratos"],
  units: [],
};

test("tags, files with their modes, folders, licences and pages stand in the spec file", () => {
  const spec = rpmSpec(release, tree);
  for (const line of [
    "Name: stratos",
    "Version: 1.2.0~rc.1",
    "Release: 1",
    "License: MIT OR Apache-2.0",
    "Packager: A 100%% B <a@b.example>",
    "* Thu Nov 26 2026 A 100%% B <a@b.example> - 1.2.0~rc.1-1",
  ])
    assert.ok(spec.split("\n").includes(line), line);
  assert.deepEqual(spec.slice(spec.indexOf("%files\n"), spec.indexOf("\n%changelog")).trim().split("\n"), [
    "%files",
    '%dir %attr(0755, root, root) "/usr/lib/stratos"',
    '"/usr/bin/stratos"',
    String.raw`%attr(0644, root, root) "/usr/lib/stratos/a%%b\[1\]\*.mjs"`,
    '%attr(0755, root, root) "/usr/sbin/mount.aegisfs"',
    '%attr(0644, root, root) %license "/usr/share/doc/stratos/LICENSE-MIT"',
    '%attr(0644, root, root) %doc "/usr/share/man/man1/stratos.1.gz"',
  ]);
});

test("there are scripts with units alone, and an upgrade does not disable what an administrator enabled", () => {
  assert.ok(!rpmSpec(release, tree).includes("%post"));
  const spec = rpmSpec(release, { ...tree, units: ["hub.service"] });
  assert.match(spec, /^%preun\n.*\n\[ "\$1" -gt 0 \] \|\| systemctl --no-reload disable --now hub\.service /m);
});
