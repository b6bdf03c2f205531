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

/**
 * The design system's frame holds three forms of itself. That of AWS's own consoles and the one without the visual refresh
 * are never shown here, and are a fifth of the first load with what hangs on them: they become files of their own, which
 * nothing asks for. Fails when the design system is no longer put together that way.
 */
function unusedFrames(): Plugin {
  const unused = { ClassicAppLayout: "./classic", ToolbarAppLayout: "./visual-refresh-toolbar" };
  return {
    name: "unused-frames",
    apply: "build",
    transform(code, id) {
      if (!id.endsWith("/@cloudscape-design/components/app-layout/internal.js")) return undefined;
      let changed = code;
      for (const [name, path] of Object.entries(unused)) {
        const statement = `import ${name} from '${path}';`;
        if (!changed.includes(statement))
          this.error(`There is no "${statement}" any more: look at what is loaded first.`);
        changed = changed.replace(statement, `const ${name} = React.lazy(() => import('${path}'));`);
      }
      return { code: changed, map: null };
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react(), fontFiles(), unusedFrames()],
  resolve: {
    // The design system's messages come parsed.
    alias: [
      {
        find: /^@formatjs\/icu-messageformat-parser$/,
        replacement: "@formatjs/icu-messageformat-parser/lib/no-parser.js",
      },
    ],
  },
  build: { outDir: "../../dist/console", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 1_500 },
  // `vite` itself, for work on the console: data come from a server that runs on the usual port.
  server: { proxy: { "/api": "http://127.0.0.1:4016" } },
});
