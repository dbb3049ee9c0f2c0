/** The `.msi`, by wixl and, for what wixl does not know, msibuild. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "./native-tool.ts";
import { bundleFiles, type PayloadEntry, type PayloadPlaces } from "./payload.ts";
import { msiFileNameOf, type Release } from "./release.ts";
import { stage } from "./rpm.ts";
import { thirdPartyNotices } from "./third-party.ts";
import { ENVIRONMENT_ACTIONS, ENVIRONMENT_TABLE, LAUNCHER, LAUNCHER_TEXT, steadySummary, wixSource } from "./wxs.ts";

/** Times of archives and summaries are told in the zone of whoever makes them. */
const UTC = { TZ: "UTC" };

/** @returns the installer's path */
export function writeMsi(release: Release, places: Omit<PayloadPlaces, "node">, output: string): string {
  const folder = mkdtempSync(join(tmpdir(), "stratos-msi-"));
  try {
    const entries = windowsPayload(places);
    stage(entries, folder, release.epoch);
    const source = join(folder, "stratos.wxs");
    writeFileSync(
      source,
      wixSource(
        release,
        entries.map(({ path }) => path),
      ),
    );
    const path = join(output, msiFileNameOf(release));
    runTool("wixl", ["--arch", "x64", "-o", path, "stratos.wxs"], {
      cwd: folder,
      env: { SOURCE_DATE_EPOCH: String(release.epoch), ...UTC },
    });
    const table = join(folder, "Environment.idt");
    writeFileSync(table, ENVIRONMENT_TABLE);
    const queries = ENVIRONMENT_ACTIONS.map(
      ([action, sequence]) =>
        `INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('${action}', '', ${sequence})`,
    );
    runTool("msibuild", [path, "-i", table, ...queries.flatMap((query) => ["-q", query])]);
    const summary = join(folder, "_SummaryInformation.idt");
    const made = runTool("msiinfo", ["export", path, "_SummaryInformation"], { env: UTC });
    writeFileSync(summary, steadySummary(made, release, contentHash(folder, entries)));
    runTool("msibuild", [path, "-i", summary], { env: UTC });
    return path;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function contentHash(folder: string, entries: readonly PayloadEntry[]): string {
  const hash = createHash("sha256");
  for (const { path } of entries) hash.update(`${path}\0`).update(readFileSync(join(folder, path)));
  return hash.digest("hex");
}

/** The bundle but for the launcher of Unix. */
function windowsPayload({ root, dist }: Omit<PayloadPlaces, "node">): PayloadEntry[] {
  const inputs = JSON.parse(readFileSync(join(dist, "inputs.json"), "utf8")) as Record<string, unknown>;
  return [
    ...bundleFiles(dist)
      .filter(({ name }) => name !== "stratos")
      .map(({ name, file, mode }) => ({ path: name, mode, content: { file } })),
    { path: LAUNCHER, mode: 0o644, content: Buffer.from(LAUNCHER_TEXT) },
    ...["LICENSE-MIT", "LICENSE-APACHE"].map((name) => ({
      path: name,
      mode: 0o644,
      content: { file: join(root, name) },
    })),
    { path: "THIRD-PARTY.txt", mode: 0o644, content: Buffer.from(thirdPartyNotices(root, inputs)) },
  ];
}
