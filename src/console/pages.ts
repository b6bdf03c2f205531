/** Every page: its way, its name in the navigation, its file, which is loaded when it is first opened. */
import { type ComponentType, lazy } from "react";

export interface PageEntry {
  /** As wouter matches it; members of the path come by `useParams` of wouter. */
  readonly path: string;
  readonly component: ComponentType;
  /** Absent: it is reached from another page. */
  readonly name?: string;
  readonly section?: "Look" | "Marketplace" | "Test" | "Server";
}

export const pages: readonly PageEntry[] = [
  {
    path: "/",
    name: "Overview",
    section: "Look",
    component: lazy(async () => ({ default: (await import("./pages/overview.tsx")).Overview })),
  },
];
