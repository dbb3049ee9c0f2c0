/**
 * Goal: a cluster is asked as kubectl would ask it, or not at all: by a pod's service account, whose token is replaced
 * while it is used, or by a kubeconfig.
 * Method: folders and kubeconfigs of the test; an API server over TLS whose certificates openssl makes.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TestCluster } from "../../testing/test-cluster.ts";
import { findApiPlace } from "./api-place.ts";
import { JobClient, KubernetesProblem } from "./job-client.ts";
import { isPoolName, plainTemplate, selectorOf, templateFault, workerJob } from "./worker-job.ts";

function inFolder(work: (folder: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-kube-"));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** An authority, and what it signed for a server of this host and for the client `scaler`. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  };
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...ec, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=cluster");
  writeFileSync(join(folder, "names"), "subjectAltName=IP:127.0.0.1,DNS:cluster.example");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
  for (const [name, more] of [
    ["server", ["-extfile", "names"]],
    ["scaler", []],
  ] as const) {
    openssl("req", ...ec, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    openssl("x509", "-req", "-in", `${name}.csr`, ...signed, ...more, "-out", `${name}.crt`);
  }
}

const VERBS = ["create", "get", "list", "watch", "delete"];

test(
  "over TLS: a pod's account with a token that is replaced, a client certificate, and nobody else's server",
  inFolder(async (folder) => {
    makeCertificates(folder);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    const cluster = new TestCluster({ namespace: "builds", verbs: VERBS });
    const server = await cluster.listen({ cert: read("server.crt"), key: read("server.key"), ca: read("ca.crt") });
    try {
      const account = join(folder, "account");
      mkdirSync(account);
      writeFileSync(join(account, "ca.crt"), read("ca.crt"));
      writeFileSync(join(account, "namespace"), "builds");
      writeFileSync(join(account, "token"), "first\n");
      const { hostname, port } = new URL(server);
      const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
      const place = findApiPlace({ environment, home: folder, accountFolder: account });
      const client = new JobClient(place);
      cluster.known.add("first");
      assert.deepEqual((await client.list(selectorOf("auto"))).items, []);
      cluster.known.clear();
      cluster.known.add("second");
      await assert.rejects(client.list(""), { status: 401 });
      writeFileSync(join(account, "token"), "second\n");
      assert.deepEqual((await client.list("")).items, []);

      const pod = { pool: "auto", hub: "https://hub", args: () => ["worker"], namespace: "builds" };
      const made = await client.create(workerJob(plainTemplate("stratos:1", "/run/key"), "auto-1", pod));
      const { resourceVersion } = await client.list(selectorOf("auto"));
      const stop = new AbortController();
      const events = client.watch(selectorOf("auto"), resourceVersion, stop.signal);
      const next = events.next();
      assert.equal((await client.get("stratos-auto-1")).metadata!.uid, made.metadata!.uid);
      await assert.rejects(client.delete("stratos-auto-1", "another"), { status: 409, reason: "Conflict" });
      await client.delete("stratos-auto-1", made.metadata!.uid!);
      assert.equal((await next).value!.type, "DELETED");
      const over = events.next();
      cluster.endWatches();
      assert.equal((await over).done, true);
      await assert.rejects(client.get("stratos-auto-1"), { status: 404 });

      const config = (user: object, more: object = {}): string => {
        const path = join(folder, "config");
        const named = [
          { name: "c", cluster: { server, "certificate-authority": "ca.crt", ...more } },
          { name: "u", user },
          { name: "x", context: { cluster: "c", user: "u", namespace: "builds" } },
        ];
        const [clusters, users, contexts] = named.map((entry) => [entry]);
        // JSON is YAML, too.
        writeFileSync(path, JSON.stringify({ "current-context": "x", clusters, users, contexts }));
        return path;
      };
      const files = { "client-certificate": "scaler.crt", "client-key": "scaler.key" };
      const data = {
        "client-certificate-data": Buffer.from(read("scaler.crt")).toString("base64"),
        "client-key-data": Buffer.from(read("scaler.key")).toString("base64"),
      };
      const by = (user: object, more: object = {}): JobClient =>
        new JobClient(findApiPlace({ kubeconfig: config(user, more), environment: {}, home: folder }));
      await assert.rejects(by(files).list(""), { status: 401 });
      cluster.known.add("scaler");
      for (const user of [files, data, { token: "second" }, { tokenFile: "account/token" }])
        assert.deepEqual((await by(user).list("")).items, []);
      assert.deepEqual((await by(files, { "tls-server-name": "cluster.example" }).list("")).items, []);
      // A name that its certificate has not, and a certificate of nobody that is trusted.
      for (const more of [{ "tls-server-name": "other.example" }, { "certificate-authority": "" }])
        await assert.rejects(by(files, more).list(""), (error: unknown) => {
          assert.ok(error instanceof KubernetesProblem);
          assert.equal(error.status, 0);
          assert.match(error.message, /cannot be asked: /);
          return true;
        });
    } finally {
      await cluster.close();
    }
  }),
);

test(
  "what a kubeconfig says and is not done here is refused by name",
  inFolder((folder) => {
    const path = join(folder, "config");
    const good = {
      "current-context": "x",
      clusters: [{ name: "c", cluster: { server: "https://cluster.example/" } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    };
    const open = (config: unknown, namespace?: string) => {
      writeFileSync(path, typeof config === "string" ? config : JSON.stringify(config));
      const chosen = namespace === undefined ? {} : { namespace };
      return findApiPlace({ environment: { KUBECONFIG: path }, home: folder, ...chosen });
    };
    const place = open(good);
    assert.deepEqual(
      [place.server, place.namespace, place.token(), place.ca],
      ["https://cluster.example", "default", "t", null],
    );
    assert.equal(open(good, "other").namespace, "other");
    const cluster = (more: object): unknown => ({ ...good, clusters: [{ name: "c", cluster: more }] });
    const user = (more: object): unknown => ({ ...good, users: [{ name: "u", user: more }] });
    for (const [config, words] of [
      ["a: [", /config: /],
      ["text", /kubeconfig: expected a mapping/],
      [{}, /current-context names none of contexts/],
      [{ ...good, "current-context": "y" }, /current-context: there is no y in contexts/],
      [{ ...good, users: null }, /the context: there is no u in users/],
      [cluster({}), /the cluster has no server/],
      [cluster({ server: "unix:/run/x" }), /server unix:\/run\/x: no address/],
      [cluster({ server: "https://c", "insecure-skip-tls-verify": true }), /insecure-skip-tls-verify is not taken/],
      [cluster({ server: "https://c", "proxy-url": "http://p" }), /proxy-url is not taken/],
      [user({ exec: { command: "aws" } }), /exec is not taken here; take a service account's token/],
      [user({ "auth-provider": { name: "gcp" } }), /auth-provider is not taken/],
      [user({ username: "a", password: "b" }), /username is not taken/],
      [user({ token: "t", as: "admin" }), /as is not taken/],
      [user({ "client-certificate-data": "eA==" }), /client-certificate and client-key go together/],
      [user({ token: 1 }), /token: expected a text/],
    ] as const)
      assert.throws(() => open(config), words);
    assert.throws(() => open(good, "No!"), /No!: no name of a namespace/);
    const nowhere = { environment: {}, home: folder, accountFolder: folder };
    assert.throws(() => findApiPlace(nowhere), /no cluster: .*name a --kubeconfig/);
    assert.throws(() => findApiPlace({ ...nowhere, environment: { KUBECONFIG: "a:b" } }), /several files/);
  }),
);

test("a template is a Job of one worker; its labels and variables are kept, what it has not is filled in", () => {
  const spec = (pod: object, more: object = {}): object => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { labels: { team: "a" } },
    spec: { template: { metadata: { annotations: { note: "1" } }, spec: pod }, ...more },
  });
  const containers = [
    { name: "sidecar", image: "s" },
    { name: "worker", image: "w", args: ["worker"], env: [{ name: "STRATOS_HUB", value: "https://inside" }] },
  ];
  for (const [template, words] of [
    [null, /expected a Job/],
    [{ apiVersion: "v1", kind: "Pod" }, /expected apiVersion: batch\/v1/],
    [{ ...spec({ containers }), metadata: { name: "x" } }, /metadata.name: a Job is named for its worker/],
    [{ ...spec({ containers }), metadata: { namespace: "x" } }, /metadata.namespace: Jobs are made in builds/],
    [{ ...spec({ containers }), spec: {} }, /spec.template.spec: expected a pod/],
    [spec({ containers: [] }), /expected containers/],
    [spec({ containers }, { parallelism: 2 }), /spec.parallelism: a Job is one worker/],
    [spec({ containers }, { suspend: true }), /spec.suspend/],
    [spec({ containers, restartPolicy: "Always" }), /restartPolicy: a Job takes Never or OnFailure/],
    [spec({ containers: [{ env: {} }] }), /env: expected a list/],
  ] as const)
    assert.match(templateFault(template, "builds") ?? "", words);
  const template = spec({ containers });
  assert.equal(templateFault(template, "builds"), null);
  const pod = { pool: "p", hub: "https://hub", args: (name: string) => ["--name", name], namespace: "builds" };
  const before = JSON.stringify(template);
  const job = JSON.parse(JSON.stringify(workerJob(template, "p-1", pod)));
  assert.equal(JSON.stringify(template), before);
  const labels = { "app.kubernetes.io/managed-by": "stratos-hub-scale", "stratos/pool": "p", "stratos/worker": "p-1" };
  assert.deepEqual(job.metadata, { labels: { team: "a", ...labels }, name: "stratos-p-1", namespace: "builds" });
  assert.deepEqual(job.spec.template.metadata, { annotations: { note: "1" }, labels });
  assert.deepEqual([job.spec.backoffLimit, job.spec.template.spec.restartPolicy], [2, "Never"]);
  const [sidecar, worker] = job.spec.template.spec.containers;
  assert.deepEqual(sidecar, { name: "sidecar", image: "s" });
  assert.deepEqual(worker.args, ["worker"]);
  assert.deepEqual(worker.env, [
    { name: "STRATOS_WORKER", value: "p-1" },
    { name: "STRATOS_HUB", value: "https://inside" },
  ]);
  for (const [pool, is] of [
    ["auto", true],
    ["a".repeat(40), true],
    ["a".repeat(41), false],
    ["Auto", false],
    ["a_b", false],
    ["a-", false],
  ] as const)
    assert.equal(isPoolName(pool), is, pool);
});
