/**
 * Goal: who follows `deploy/` gets commands that there are, units that systemd takes, and objects that fit together.
 * Method: the files as they stand, against the parser's own tables, systemd-analyze(1), and each other.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Command } from "commander";
import { parse, parseAllDocuments } from "yaml";
import { commandHandlers } from "./command-handlers.ts";
import { createProgram } from "./program.ts";

const FOLDER = join(import.meta.dirname, "../../../../deploy");
const program = await createProgram(commandHandlers, () => {}, { words: [], scope: "all" });

/** @param words  of a command line behind `stratos` */
function refuseUnknown(words: readonly string[]): void {
  let at: Command = program;
  for (const word of words) {
    const next = at.commands.find((each) => each.name() === word);
    if (next === undefined) break;
    at = next;
  }
  assert.notEqual(at, program, words.join(" "));
  for (const word of words) {
    const long = /^(--[a-z-]+)/.exec(word)?.[1];
    if (long !== undefined)
      assert.ok(
        at.options.some((option) => option.long === long),
        `${at.name()}: ${long}`,
      );
  }
}

test("units start commands that there are, and systemd takes them", () => {
  const units = join(FOLDER, "systemd"),
    folder = mkdtempSync(join(tmpdir(), "stratos-units-"));
  try {
    copyFileSync("/bin/true", join(folder, "stratos"));
    for (const name of readdirSync(units)) {
      const text = readFileSync(join(units, name), "utf8");
      const command = /^ExecStart=\/usr\/bin\/stratos (.*)$/m.exec(text)?.[1];
      assert.ok(command !== undefined, name);
      refuseUnknown(command.split(" "));
      writeFileSync(join(folder, name), text.replaceAll("/usr/bin/stratos", join(folder, "stratos")));
      const checked = spawnSync("systemd-analyze", ["verify", "--man=no", join(folder, name)], {
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.deepEqual([checked.status, checked.stderr], [0, ""], name);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

interface Container {
  readonly args: readonly string[];
  readonly ports?: readonly { readonly name: string }[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly volumeMounts: readonly { readonly name: string }[];
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
  };
}

test("objects of Kubernetes name commands, ports, volumes and labels that there are", () => {
  const folder = join(FOLDER, "kubernetes");
  const { resources } = parse(readFileSync(join(folder, "kustomization.yaml"), "utf8")) as { resources: string[] };
  assert.deepEqual([...resources, "kustomization.yaml"].sort(), readdirSync(folder).sort());
  const objects = resources.flatMap((name) =>
    parseAllDocuments(readFileSync(join(folder, name), "utf8")).map((document) => {
      assert.deepEqual(document.errors, [], name);
      return document.toJS() as Workload;
    }),
  );
  const workloads = objects.filter(({ kind }) => kind === "Deployment");
  assert.equal(workloads.length, 3);
  const labels = workloads.map(({ spec }) => JSON.stringify(spec.template.metadata.labels));
  for (const { spec } of workloads) {
    const { containers, volumes } = spec.template.spec;
    assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels);
    for (const { args, ports = [], readinessProbe, livenessProbe, volumeMounts } of containers) {
      refuseUnknown(args);
      for (const { name } of volumeMounts)
        assert.ok(
          volumes.some((volume) => volume.name === name),
          name,
        );
      for (const probe of [readinessProbe, livenessProbe]) {
        if (probe === undefined) continue;
        assert.match(probe.httpGet.path, /^\/(healthz|readyz)$/);
        assert.ok(ports.some(({ name }) => name === probe.httpGet.port));
      }
    }
  }
  for (const { kind, spec } of objects as unknown as { kind: string; spec: { selector: unknown } }[])
    if (kind === "Service") assert.ok(labels.includes(JSON.stringify(spec.selector)));
});

test("the image's user may write where Stratos keeps its files there", () => {
  const text = readFileSync(join(FOLDER, "container/Containerfile"), "utf8");
  const [, user, group] = /^USER (\d+):(\d+)$/m.exec(text)!;
  const home = /^ENV STRATOS_HOME=(\S+)$/m.exec(text)![1]!;
  assert.ok(text.includes(`install -d -m 700 -o ${user} -g ${group} ${home}\n`));
});
