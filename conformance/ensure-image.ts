import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { launcher } from "../tests/support/stratos.ts";
import { TEST_HOME } from "../tests/support/test-image.ts";

/** An image of Debian's packages in the tests' folder, made where it is not; other packages want another name. */
export function ensureImage(name: string, packages: readonly string[]): void {
  if (existsSync(join(TEST_HOME, "images", name))) return;
  const [node, ...rest] = launcher;
  execFileSync(node!, [...rest, "image", "build", "--no-warm-code", name, "--packages", packages.join(",")], {
    env: { ...process.env, STRATOS_HOME: TEST_HOME },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
