import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react()],
  build: { outDir: "../../dist/console", emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 1_500 },
  // `vite` itself, for work on the console: data come from a server that runs on the usual port.
  server: { proxy: { "/api": "http://127.0.0.1:4016" } },
});
