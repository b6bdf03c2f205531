/** The frame around every page: navigation, messages, light or dark, who is signed in. */
import AppLayout from "@cloudscape-design/components/app-layout";
import Box from "@cloudscape-design/components/box";
import SideNavigation, { type SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import Spinner from "@cloudscape-design/components/spinner";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { type ReactNode, Suspense, useEffect, useState } from "react";
import { Route, Switch, useLocation } from "wouter";
import { FlashList } from "./flash.tsx";
import { useLive } from "./live.tsx";
import { pages } from "./pages.ts";
import { base, To } from "./parts/link.tsx";
import { Nothing } from "./parts/list.tsx";
import { useApi } from "./parts/query.ts";
import { utcText } from "./parts/time.tsx";
import { useSession } from "./session.tsx";

const modeKey = "meterhouse.mode";

function useMode(): readonly [Mode, () => void] {
  const [mode, setMode] = useState<Mode>(() => {
    const kept = window.localStorage.getItem(modeKey);
    if (kept !== null) return kept === "dark" ? Mode.Dark : Mode.Light;
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? Mode.Dark : Mode.Light;
  });
  useEffect(() => applyMode(mode), [mode]);
  const toggle = (): void => {
    const other = mode === Mode.Dark ? Mode.Light : Mode.Dark;
    window.localStorage.setItem(modeKey, other === Mode.Dark ? "dark" : "light");
    setMode(other);
  };
  return [mode, toggle];
}

const sections = ["Look", "Marketplace", "Test", "Server"] as const;

function navigationItems(): SideNavigationProps.Item[] {
  return sections.flatMap((text): SideNavigationProps.Item[] => {
    const links = pages
      .filter((page) => page.section === text)
      .map((page) => ({ type: "link" as const, text: page.name ?? "", href: base + page.path }));
    return links.length === 0 ? [] : [{ type: "section", text, items: links }];
  });
}

/** The entry of the navigation that a path belongs to: `/products/abc` lies below `/products`. */
function activeHref(path: string): string {
  const named = pages.filter((page) => page.name !== undefined && page.path !== "/");
  const found = named.find((page) => path === page.path || path.startsWith(`${page.path}/`));
  return base + (found?.path ?? "/");
}

export function App(): ReactNode {
  const [path, navigate] = useLocation();
  const [isOpen, setIsOpen] = useState(true);
  useEffect(() => {
    const name = pages.find((page) => base + page.path === activeHref(path))?.name;
    document.title = name === undefined ? "Meterhouse" : `${name} – Meterhouse`;
  }, [path]);
  return (
    <>
      <div id="top">
        <Top />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={isOpen}
        onNavigationChange={({ detail }) => setIsOpen(detail.open)}
        ariaLabels={{
          navigation: "Pages",
          navigationClose: "Close the list of pages",
          navigationToggle: "Open the list of pages",
          notifications: "Messages",
        }}
        navigation={
          <SideNavigation
            activeHref={activeHref(path)}
            items={navigationItems()}
            onFollow={(event) => {
              if (event.detail.external === true || !event.detail.href.startsWith(base)) return;
              event.preventDefault();
              navigate(event.detail.href.slice(base.length) || "/");
            }}
          />
        }
        notifications={<FlashList />}
        content={
          <Suspense
            fallback={
              <Box textAlign="center" padding="xxl">
                <Spinner size="large" />
              </Box>
            }
          >
            <Switch>
              {pages.map((page) => (
                <Route key={page.path} path={page.path} component={page.component} />
              ))}
              <Route>
                <Nothing
                  title="There is no such page"
                  text="The address is not one of the console's."
                  action={<To to="/">Go to the overview</To>}
                />
              </Route>
            </Switch>
          </Suspense>
        }
      />
    </>
  );
}

interface ClockView {
  readonly now: string;
  readonly mode: string;
  readonly rate?: number;
}

function Top(): ReactNode {
  const { session, signOut } = useSession();
  const [mode, toggleMode] = useMode();
  const [, navigate] = useLocation();
  const { isConnected } = useLive();
  const { data: clock } = useApi<ClockView>("clock", "/clock", {}, { everyMs: 5_000 });
  const pace = clock?.mode === "following" ? "" : ` (${clock?.mode ?? ""})`;
  return (
    <TopNavigation
      identity={{
        href: `${base}/`,
        title: "Meterhouse",
        onFollow: (event) => {
          event.preventDefault();
          navigate("/");
        },
      }}
      i18nStrings={{
        overflowMenuTriggerText: "More",
        overflowMenuTitleText: "All",
        overflowMenuBackIconAriaLabel: "Back",
        overflowMenuDismissIconAriaLabel: "Close",
      }}
      utilities={[
        {
          type: "button",
          iconName: "status-pending",
          text: clock === undefined ? "…" : `${utcText(clock.now, "minute")} UTC${pace}`,
          title: "The business clock",
          ariaLabel:
            clock === undefined ? "Business clock" : `Business clock: ${utcText(clock.now, "minute")} UTC${pace}`,
          onClick: () => navigate("/clock"),
        },
        {
          type: "button",
          text: isConnected ? "Live" : "Not connected",
          iconName: isConnected ? "status-positive" : "status-warning",
          ariaLabel: isConnected ? "Live updates come in" : "Live updates do not come in",
        },
        {
          type: "button",
          text: mode === Mode.Dark ? "Light" : "Dark",
          ariaLabel: mode === Mode.Dark ? "Switch to light colours" : "Switch to dark colours",
          onClick: toggleMode,
        },
        {
          type: "menu-dropdown",
          text: session.name,
          description: session.role === "full" ? "may change things" : "may only read",
          iconName: "user-profile",
          items: [{ id: "sign-out", text: "Sign out" }],
          onItemClick: ({ detail }) => {
            if (detail.id === "sign-out") void signOut();
          },
        },
      ]}
    />
  );
}
