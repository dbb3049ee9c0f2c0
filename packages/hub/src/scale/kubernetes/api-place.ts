/**
 * Where a cluster's API server is, and as whom it is asked: the service account of the pod that this runs in, or a
 * kubeconfig. What a kubeconfig can say and this does not do is refused by name, so that nobody is asked as somebody
 * else than kubectl would ask.
 *
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 * @see https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";

export interface ApiPlace {
  /** Without a slash at its end. */
  readonly server: string;
  readonly namespace: string;
  /** PEM; null: the authorities that Node knows. */
  readonly ca: string | null;
  /** PEM of a client certificate. */
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** By which name the server's certificate is checked; null: by that of the address. */
  readonly serverName: string | null;
  /** Asked for each request, as tokens of service accounts are replaced while they are used. @returns null: none */
  token(): string | null;
}

interface PlaceChoice {
  /** A kubeconfig that was named. */
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly home: string;
  /** Of a pod's service account. */
  readonly accountFolder?: string;
}

const ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
const FILE_BYTES_MAX = 1 << 20;
/** RFC 1123's label, which names of namespaces are. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The file that is named; else that of KUBECONFIG; else the pod's account; else ~/.kube/config. @throws Error */
export function findApiPlace(choice: PlaceChoice): ApiPlace {
  const { environment, namespace, accountFolder = ACCOUNT_FOLDER } = choice;
  if (namespace !== undefined && !NAMESPACE.test(namespace)) throw new Error(`${namespace}: no name of a namespace`);
  const named = choice.kubeconfig ?? environment["KUBECONFIG"];
  if (named !== undefined && named !== "") {
    if (choice.kubeconfig === undefined && named.includes(":"))
      throw new Error("KUBECONFIG names several files, which are not merged here; name one by --kubeconfig");
    return readKubeconfig(named, namespace);
  }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (host !== undefined && host !== "" && isFile(`${accountFolder}/token`))
    return accountPlace({ host, port: port ?? "443", folder: accountFolder }, namespace);
  const usual = `${choice.home}/.kube/config`;
  if (isFile(usual)) return readKubeconfig(usual, namespace);
  throw new Error(`no cluster: this is no pod with a service account, and there is no ${usual}; name a --kubeconfig`);
}

function accountPlace(
  { host, port, folder }: { readonly host: string; readonly port: string; readonly folder: string },
  namespace: string | undefined,
): ApiPlace {
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: namespace ?? readText(`${folder}/namespace`).trim(),
    ca: readText(`${folder}/ca.crt`),
    client: null,
    serverName: null,
    token: () => readText(`${folder}/token`).trim(),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws Error that names the file and the field */
function readKubeconfig(path: string, namespace?: string): ApiPlace {
  let config: unknown;
  try {
    config = parse(readText(path));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
  const refuse = (why: string): never => {
    throw new Error(`${path}: ${why}`);
  };
  const fields = (value: unknown, what: string): Fields =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : refuse(`${what}: expected a mapping`);
  const top = fields(config, "kubeconfig");
  const entry = (list: string, name: unknown, of: string): Fields => {
    if (typeof name !== "string" || name === "") refuse(`${of} names none of ${list}`);
    const all = Array.isArray(top[list]) ? (top[list] as unknown[]) : [];
    const found = all.find((one) => (one as Fields | null)?.["name"] === name) as Fields | undefined;
    if (found === undefined) refuse(`${of}: there is no ${String(name)} in ${list}`);
    return fields(found![list.slice(0, -1)], `${list} ${String(name)}`);
  };
  const text = (of: Fields, key: string): string | null => {
    const value = of[key];
    if (value === undefined || value === null || value === "") return null;
    return typeof value === "string" ? value : refuse(`${key}: expected a text`);
  };
  /** A field with the content in base64, or the path of a file beside this one. */
  const content = (of: Fields, key: string): string | null => {
    const data = text(of, `${key}-data`);
    if (data !== null) return Buffer.from(data, "base64").toString("latin1");
    const file = text(of, key);
    return file === null ? null : readText(resolve(dirname(path), file));
  };
  const context = entry("contexts", top["current-context"], "current-context");
  const cluster = entry("clusters", context["cluster"], "the context");
  const user = entry("users", context["user"], "the context");
  for (const key of ["insecure-skip-tls-verify", "proxy-url"])
    if (cluster[key] !== undefined && cluster[key] !== false && cluster[key] !== "") refuse(`${key} is not taken here`);
  for (const key of ["exec", "auth-provider", "username", "password", "as", "as-groups", "as-uid", "as-user-extra"])
    if (user[key] !== undefined)
      refuse(`${key} is not taken here; take a service account's token, or a client certificate`);
  const server = text(cluster, "server") ?? refuse("the cluster has no server");
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) refuse(`server ${server}: no address`);
  const [cert, key] = [content(user, "client-certificate"), content(user, "client-key")];
  if ((cert === null) !== (key === null)) refuse("client-certificate and client-key go together");
  const tokenFile = text(user, "tokenFile");
  const token = text(user, "token");
  const tokenPath = tokenFile === null ? null : resolve(dirname(path), tokenFile);
  const chosen = namespace ?? text(context, "namespace") ?? "default";
  if (!NAMESPACE.test(chosen)) refuse(`${chosen}: no name of a namespace`);
  return {
    server: server.replace(/\/+$/, ""),
    namespace: chosen,
    ca: content(cluster, "certificate-authority"),
    client: cert === null || key === null ? null : { cert, key },
    serverName: text(cluster, "tls-server-name"),
    token: () => (tokenPath === null ? token : readText(tokenPath).trim()),
  };
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

function readText(path: string): string {
  const size = statSync(path).size;
  if (size > FILE_BYTES_MAX) throw new Error(`${path}: ${size} bytes are too many`);
  return readFileSync(path, "utf8");
}
