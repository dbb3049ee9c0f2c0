/** Goal: a key is put where the user's sshd looks for it. Method: the lines that systemd is given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileEntry, fileTreeOf, MemoryBlob } from "@stratos/formats";
import { homeIn, loginCredential } from "./login-credential.ts";

test("a user's key goes to the home that the disk's passwd names", () => {
  const passwd = "root:x:0:0::/root:/bin/sh\nadam:x:7:7::/home/a:/bin/sh\nada:x:8:8::/srv/a b%/:/bin/sh\n";
  const content = new MemoryBlob(Buffer.from(passwd), () => "");
  const tree = fileTreeOf([fileEntry("etc/passwd", "file", { content })]);
  assert.equal(homeIn(tree, "ada"), "/srv/a b%/");
  assert.equal(homeIn(tree, "nobody"), null);
  assert.equal(homeIn(fileTreeOf([]), "ada"), null);
  const { name, value } = loginCredential("ada", homeIn(tree, "ada")!, "ssh-ed25519 AAAA\n");
  assert.equal(name, "tmpfiles.extra");
  assert.equal(
    Buffer.from(value).toString(),
    'd "/srv/a b%%/.ssh" 0700 ada ada -\n' +
      `f+~ "/srv/a b%%/.ssh/authorized_keys" 0600 ada ada - ${Buffer.from("ssh-ed25519 AAAA\n").toString("base64")}\n`,
  );
  assert.equal(loginCredential("root", "/root", "k").name, "ssh.authorized_keys.root");
});
