/** A realm of Kerberos for a test: Debian's key distribution centre, as an ordinary program on the loopback address. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export const REALM = "STRATOS.TEST";
const START_MS = 30_000;

export interface TestRealm {
  /** For programs that use Kerberos, each user with tickets of their own. */
  environmentOf(user: string): NodeJS.ProcessEnv;
  /** A user with a ticket. @param options  of `kinit` */
  login(user: string, ...options: readonly string[]): void;
  /** A command of `kadmin.local`. */
  admin(command: string): void;
  /** Keys of HTTP/HOST, as `ktadd` writes them. @param types  of encryption */
  keytab(host: string, types: string): Buffer;
  close(): Promise<void>;
}

export async function startRealm(): Promise<TestRealm> {
  const folder = mkdtempSync(join(tmpdir(), "realm-test-"));
  const port = await freePort();
  mkdirSync(join(folder, "db"));
  writeFileSync(
    join(folder, "krb5.conf"),
    `[libdefaults]
 default_realm = ${REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 permitted_enctypes = aes256-cts aes128-cts aes256-sha2 aes128-sha2
[realms]
 ${REALM} = {
  kdc = 127.0.0.1:${port}
 }
`,
  );
  writeFileSync(
    join(folder, "kdc.conf"),
    `[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = 127.0.0.1:${port}
[realms]
 ${REALM} = {
  database_name = ${folder}/db/principal
  key_stash_file = ${folder}/db/stash
  acl_file = ${folder}/db/acl
  supported_enctypes = aes256-cts:normal aes128-cts:normal aes256-sha2:normal aes128-sha2:normal
 }
`,
  );
  const environment = {
    ...process.env,
    KRB5_CONFIG: join(folder, "krb5.conf"),
    KRB5_KDC_PROFILE: join(folder, "kdc.conf"),
    KRB5RCACHENAME: "none:",
  };
  const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): void =>
    void execFileSync(program, args, { env, input, stdio: "pipe", timeout: START_MS });
  const admin = (command: string): void => run("/usr/sbin/kadmin.local", ["-r", REALM, "-q", command], environment);
  let centre: ChildProcess | null = null;
  const close = async (): Promise<void> => {
    if (centre !== null && centre.exitCode === null && centre.signalCode === null) {
      centre.kill("SIGKILL");
      await once(centre, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    run("/usr/sbin/kdb5_util", ["create", "-s", "-r", REALM, "-P", "master-of-a-test"], environment);
    centre = spawn("/usr/sbin/krb5kdc", ["-n", "-r", REALM, "-P", join(folder, "pid")], {
      env: environment,
      stdio: "ignore",
    });
    await answers(port, centre);
  } catch (error) {
    await close();
    throw error;
  }
  const environmentOf = (user: string): NodeJS.ProcessEnv => ({
    ...environment,
    KRB5CCNAME: `FILE:${join(folder, `tickets-${user.replace("/", "-")}`)}`,
  });
  return {
    environmentOf,
    admin,
    login: (user, ...options) => run("/usr/bin/kinit", [...options, user], environmentOf(user), "secret\n"),
    keytab(host, types) {
      const file = join(folder, `keytab-${host}`);
      admin(`addprinc -randkey -e ${types} HTTP/${host}`);
      admin(`ktadd -norandkey -k ${file} HTTP/${host}`);
      return readFileSync(file);
    },
    close,
  };
}

/** It cannot be told to choose one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number, centre: ChildProcess): Promise<void> {
  for (const untilMs = performance.now() + START_MS; performance.now() < untilMs; await delay(20)) {
    if (centre.exitCode !== null) throw new Error(`krb5kdc ended with ${centre.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const isThere = await new Promise<boolean>((resolve) =>
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false)),
    );
    socket.destroy();
    if (isThere) return;
  }
  throw new Error("krb5kdc does not answer");
}
