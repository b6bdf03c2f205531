import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/**
 * The design system's style sheet holds its fonts, all eight faces. As files of their own they are loaded by what uses
 * them, which is two or three, and beside the style sheet instead of before it.
 */
function fontFiles(): Plugin {
  return {
    name: "font-files",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "asset" || !file.fileName.endsWith(".css")) continue;
        const css = typeof file.source === "string" ? file.source : Buffer.from(file.source).toString("utf8");
        file.source = css.replaceAll(
          /url\((["']?)data:font\/woff2;base64,([A-Za-z0-9+/=]+)\1\)/g,
          (_text, _quote, base64: string) => {
            const source = Buffer.from(base64, "base64");
            const name = `font-${createHash("sha256").update(source).digest("hex").slice(0, 12)}.woff2`;
            this.emitFile({ type: "asset", fileName: `assets/${name}`, source });
            return `url("./${name}")`;
          },
        );
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react(), fontFiles()],
  build: { outDir: "../../dist/console", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 1_500 },
  // `vite` itself, for work on the console: data come from a server that runs on the usual port.
  server: { proxy: { "/api": "http://127.0.0.1:4016" } },
});
