/** Links within the console: the page stays loaded, and the address can be copied or opened in another tab. */
import CloudscapeLink, { type LinkProps } from "@cloudscape-design/components/link";
import type { ReactNode } from "react";
import { useLocation } from "wouter";

export const base = "/console";

/** `to` is a view of the console, such as `/products/abc`. */
export function To({
  to,
  ...props
}: { readonly to: string; readonly children: ReactNode } & Omit<LinkProps, "href">): ReactNode {
  const [, navigate] = useLocation();
  return (
    <CloudscapeLink
      {...props}
      href={base + to}
      onFollow={(event) => {
        if (event.detail.target === "_blank") return;
        event.preventDefault();
        navigate(to);
      }}
    />
  );
}
