import { TOKEN_MODIFIERS, TOKEN_TYPES } from "./layout.ts";

/** What the server tells of itself. LSP 3.17, "Server Capabilities". */
export const FEATURES = {
  positionEncoding: "utf-16",
  textDocumentSync: { openClose: true, change: 2 },
  completionProvider: { triggerCharacters: ["("], resolveProvider: true },
  hoverProvider: true,
  signatureHelpProvider: { triggerCharacters: [" "], retriggerCharacters: [" ", ")"] },
  definitionProvider: true,
  referencesProvider: true,
  documentHighlightProvider: true,
  documentSymbolProvider: true,
  workspaceSymbolProvider: true,
  documentFormattingProvider: true,
  documentRangeFormattingProvider: true,
  documentOnTypeFormattingProvider: { firstTriggerCharacter: "\n" },
  renameProvider: { prepareProvider: true },
  foldingRangeProvider: true,
  semanticTokensProvider: {
    legend: { tokenTypes: TOKEN_TYPES, tokenModifiers: TOKEN_MODIFIERS },
    full: true,
    range: true,
  },
  workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
};
