export async function replayGdb(_file: string, _port: number | "-", _options: object): Promise<number> {
  return 1;
}
