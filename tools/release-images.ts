/**
 * Composes the sample trees that are for containers and pushes each, with all of its architectures under one tag, to
 * the registry that is configured. A release tag starts it (`.github/workflows/release.yml`); by hand:
 *
 *     STRATOS_REGISTRY=registry.example.org/stratos npm run release:images -- --tag v1.2 [--arch amd64,riscv64]
 *     [--latest] [--json] [TREEFILE…]
 *
 * `$STRATOS_REGISTRY_AUTH` (`user:password`), or what `podman login` left, signs in. An image is called
 * REGISTRY/NAME:TAG, NAME being the treefile's own. Nothing is tagged before all images of a release are whole: all are
 * composed first, then pushed, and `latest` moves last.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SAMPLES = ["container.yaml", "bootc.toml"].map((name) => join(root, "images", name));

const { values, positionals } = parseArgs({
  options: {
    tag: { type: "string" },
    arch: { type: "string" },
    registry: { type: "string" },
    latest: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const registry = values.registry ?? process.env["STRATOS_REGISTRY"],
  { tag } = values;
if (registry === undefined || registry === "")
  end(2, "no registry: set STRATOS_REGISTRY, or give --registry (registry.example.org/stratos)");
// What a tag may be, by the OCI Distribution Specification 1.1, "Pulling manifests".
if (tag === undefined || !/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag))
  end(2, tag === undefined ? "no tag: --tag v1.2" : `'${tag}' is no tag`);

const folder = mkdtempSync(join(tmpdir(), "stratos-release-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const made = (positionals.length > 0 ? positionals.map((path) => resolve(path)) : SAMPLES).map((treefile, index) =>
  compose(treefile, join(folder, String(index))),
);
const pushed = made
  .flatMap(({ name, layout }) =>
    [tag, ...(values.latest ? ["latest"] : [])].map((own) => ({
      name,
      layout,
      reference: `${registry}/${name}:${own}`,
    })),
  )
  .sort((left, right) => Number(left.reference.endsWith(":latest")) - Number(right.reference.endsWith(":latest")))
  .map(({ layout, reference }) => ({ reference, digest: stratos("image", "push", `oci:${layout}`, reference).trim() }));
process.stdout.write(
  values.json
    ? `${JSON.stringify({ images: pushed }, null, 2)}\n`
    : pushed.map(({ reference, digest }) => `${digest}  ${reference}\n`).join(""),
);

/** The tree's images in one layout, whose index names all architectures. */
function compose(treefile: string, target: string): { name: string; layout: string } {
  stratos("compose", "validate", treefile);
  const merged = JSON.parse(stratos("compose", "validate", "--json", treefile)) as {
    images: { variant: string; architecture: string }[];
  };
  const { variant, architecture } = merged.images[0]!;
  const { name, outputs = {} } = JSON.parse(
    stratos("compose", "export", "--format", "json", treefile, "--variant", variant, "--arch", architecture),
  ) as { name: string; outputs?: object };
  const own = join(folder, `${basename(treefile).replace(/\..*/, "")}.yaml`);
  // What the tree writes else is not wanted here.
  const none = Object.fromEntries(Object.keys(outputs).map((key) => [key, null]));
  writeFileSync(
    own,
    JSON.stringify({
      include: [treefile],
      outputs: { ...none, released: { format: "oci", compression: "gzip", filename: "layout" } },
    }),
  );
  stratos(
    "compose",
    "run",
    own,
    "--variant",
    variant,
    "-o",
    target,
    ...(values.arch === undefined ? [] : ["--arch", values.arch]),
  );
  return { name, layout: join(target, "layout") };
}

function stratos(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "stratos.mjs"), ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0)
    end(
      1,
      stderr
        .trim()
        .split("\n")
        .at(-1)!
        .replace(/^stratos: /, ""),
    );
  return stdout;
}

function end(status: number, why: string): never {
  process.stderr.write(`release: ${why}\n`);
  process.exit(status);
}
