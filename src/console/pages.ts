/** Every page: its way, its name in the navigation, its file, which is loaded when it is first opened. */
import { type ComponentType, lazy } from "react";

export interface PageEntry {
  /** As wouter matches it, the first that fits; members of the path come by wouter's `useParams`. */
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
  {
    path: "/usage",
    name: "Usage",
    section: "Look",
    component: lazy(async () => ({ default: (await import("./pages/usage.tsx")).Usage })),
  },
  {
    path: "/requests",
    name: "Requests",
    section: "Look",
    component: lazy(async () => ({ default: (await import("./pages/requests.tsx")).Requests })),
  },
  {
    path: "/requests/:requestId",
    component: lazy(async () => ({ default: (await import("./pages/request.tsx")).RequestDetail })),
  },
  {
    path: "/doctor",
    name: "Doctor",
    section: "Look",
    component: lazy(async () => ({ default: (await import("./pages/doctor.tsx")).Doctor })),
  },
  {
    path: "/reports",
    name: "Reports",
    section: "Look",
    component: lazy(async () => ({ default: (await import("./pages/reports.tsx")).Reports })),
  },
  {
    path: "/products",
    name: "Products",
    section: "Marketplace",
    component: lazy(async () => ({ default: (await import("./pages/products.tsx")).Products })),
  },
  {
    path: "/products/new",
    component: lazy(async () => ({ default: (await import("./pages/productWizard.tsx")).ProductWizard })),
  },
  {
    path: "/products/:code",
    component: lazy(async () => ({ default: (await import("./pages/product.tsx")).ProductDetail })),
  },
  {
    path: "/agreements",
    name: "Agreements",
    section: "Marketplace",
    component: lazy(async () => ({ default: (await import("./pages/agreements.tsx")).Agreements })),
  },
  {
    path: "/agreements/:id",
    component: lazy(async () => ({ default: (await import("./pages/agreement.tsx")).AgreementDetail })),
  },
  {
    path: "/customers",
    name: "Customers",
    section: "Marketplace",
    component: lazy(async () => ({ default: (await import("./pages/customers.tsx")).Customers })),
  },
  {
    path: "/customers/:account",
    component: lazy(async () => ({ default: (await import("./pages/customer.tsx")).CustomerDetail })),
  },
  {
    path: "/notifications",
    name: "Notifications",
    section: "Marketplace",
    component: lazy(async () => ({ default: (await import("./pages/notifications.tsx")).Notifications })),
  },
  {
    path: "/notifications/:id",
    component: lazy(async () => ({ default: (await import("./pages/notification.tsx")).NotificationDetail })),
  },
  {
    path: "/workloads",
    name: "Workloads",
    section: "Test",
    component: lazy(async () => ({ default: (await import("./pages/workloads.tsx")).Workloads })),
  },
  {
    path: "/workloads/:id",
    component: lazy(async () => ({ default: (await import("./pages/workload.tsx")).WorkloadDetail })),
  },
  {
    path: "/clock",
    name: "Clock",
    section: "Test",
    component: lazy(async () => ({ default: (await import("./pages/clock.tsx")).Clock })),
  },
  {
    path: "/faults",
    name: "Faults",
    section: "Test",
    component: lazy(async () => ({ default: (await import("./pages/faults.tsx")).Faults })),
  },
  {
    path: "/credentials",
    name: "Credentials",
    section: "Server",
    component: lazy(async () => ({ default: (await import("./pages/credentials.tsx")).Credentials })),
  },
  {
    path: "/settings",
    name: "Settings",
    section: "Server",
    component: lazy(async () => ({ default: (await import("./pages/settings.tsx")).Settings })),
  },
];
