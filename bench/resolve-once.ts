/**
 * `resolve-once.ts text|table ARCHITECTURE NAME…`: resolves one request over trixie and prints what it cost, as JSON.
 * For package-rows.ts.
 */
import { homeFolder, stratosHome } from "@stratos/host-node";
import { findMirror, nodePackagePorts } from "@stratos/tools-node/packages";
import {
  buildPackageTable,
  InstalledState,
  loadRepository,
  PackageIndex,
  planChange,
  trixieKeyrings,
} from "@stratos/pkg";

const [mode, architecture, ...install] = process.argv.slice(2);
const mirror = findMirror();
const ports = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
const source = {
  uri: mirror.uri,
  suite: "trixie",
  components: ["main"],
  architecture: architecture!,
  keyrings: [...trixieKeyrings(), ...mirror.keyrings],
  lists: "kept",
} as const;
const origin = { name: "trixie/main", baseUrl: mirror.uri, priority: 500 };

let text: Buffer | undefined;
if (mode === "text") {
  // The bytes of the list, as apt has them in a file.
  const index = new PackageIndex();
  await loadRepository(ports, source, index, () => {});
  text = Buffer.from(index.text(), "latin1");
}
const start = process.cpuUsage();
const index = new PackageIndex();
if (text === undefined) await loadRepository(ports, source, index, () => {});
else index.addTable(buildPackageTable(text.toString("latin1"), origin.name), origin, [architecture!]);
const change = planChange(index, new InstalledState(architecture!, []), { install });
const usage = process.cpuUsage(start);
await ports.close();
process.stdout.write(
  JSON.stringify({ cpuSeconds: (usage.user + usage.system) / 1e6, packages: change.install.length }),
);
