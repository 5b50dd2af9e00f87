/** A message to try a driver with, as JSON text. */
export function sampleMessage(driver: string): string {
  switch (driver) {
    case 'node-repl': return '{"code":"globalThis.x = 41; x + 1"}'
    case 'python-repl': return '{"code":"x = 41\\nx + 1"}'
    case 'shell': return '{"command":"x=41; echo $((x + 1))"}'
    case 'mcp': return '{"method":"tools/list"}'
    case 'lsp': return '{"method":"workspace/symbol","params":{"query":""}}'
    case 'acp':
    case 'claude-code': return '{"prompt":"Hello!"}'
    case 'json-rpc': return '{"method":"your/method","params":{}}'
    default: return '{"your":"message"}'
  }
}

/** A command line that sends it to the server at `url`. */
export function curlLine(url: string, driver: string, withToken: boolean): string {
  const { hostname, port, protocol } = new URL(url)
  const named = hostname === '127.0.0.1' ? `localhost:${port || 80}` : `${protocol}//${hostname}:${port || 80}`
  const token = withToken ? ' -H "authorization: Bearer $GREENROOM_TOKEN"' : ''
  const body = `{"tenant":"a","key":"k","message":${sampleMessage(driver)}}`
  return `curl -s ${named}/v1/requests -H 'content-type: application/json'${token} -d '${body}'`
}
