// The program behind the pipes: a line of JSON in, the same one out. A thousand lines are written at once when as many have come.
let begun = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (/** @type {string} */ chunk) => {
  const lines = (begun === '' ? chunk : begun + chunk).split('\n')
  begun = lines.pop() ?? ''
  let out = ''
  for (const line of lines) out += `${JSON.stringify(JSON.parse(line))}\n`
  if (out !== '') process.stdout.write(out)
})
