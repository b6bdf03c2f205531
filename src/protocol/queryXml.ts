/** The Query protocol's two ends: form parameters in, XML out. STS speaks it. */

/** Escapes text for an XML element. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export interface XmlMembers {
  readonly [name: string]: string | XmlMembers | undefined;
}

/** Members in their order; undefined ones are left out. */
export function xmlOf(members: XmlMembers): string {
  return Object.entries(members)
    .map(([name, value]) => {
      if (value === undefined) return "";
      return `<${name}>${typeof value === "string" ? escaped(value) : xmlOf(value)}</${name}>`;
    })
    .join("");
}

/** `<ActionResponse xmlns=…><ActionResult>…</ActionResult><ResponseMetadata>…`. */
export function resultXml(action: string, namespace: string, result: XmlMembers, requestId: string): string {
  const body = xmlOf({ [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } });
  return `<${action}Response xmlns="${namespace}">${body}</${action}Response>`;
}

/** What Query clients read: Code and Message. */
export function errorXml(
  code: string,
  message: string,
  namespace: string,
  requestId: string,
  isSender: boolean,
): string {
  const error = { Type: isSender ? "Sender" : "Receiver", Code: code, Message: message };
  return `<ErrorResponse xmlns="${namespace}">${xmlOf({ Error: error, RequestId: requestId })}</ErrorResponse>`;
}
