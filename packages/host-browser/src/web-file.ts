/** Files of a web server, and in words for people why there is none. */

const UNREACHABLE = "the server cannot be reached";

/** URL of a folder, with one slash at its end. */
export function folderUrl(folder: string): string {
  return folder.replace(/\/*$/, "/");
}

/** The server's answer, whatever it is. @throws Error with words for people when there is none */
export function requestFile(url: string, options?: RequestInit): Promise<Response> {
  return fetch(url, options).catch((error: unknown) => {
    throw new Error(`${url}: ${UNREACHABLE}`, { cause: error });
  });
}

/** @throws Error with words for people */
export async function fetchFile(url: string, options?: RequestInit): Promise<Response> {
  const answer = await requestFile(url, options);
  if (!answer.ok) throw new Error(`${url}: ${statusWords(answer.status)}`);
  return answer;
}

/** What an answer of a server that gives no content means. @param status  null: there was none */
export function statusWords(status: number | null): string {
  if (status === null) return UNREACHABLE;
  if (status === 404 || status === 410) return `no such file on the server (${status})`;
  if (status === 401 || status === 403) return `the server refuses it (${status})`;
  return `the server answers with status ${status}`;
}
