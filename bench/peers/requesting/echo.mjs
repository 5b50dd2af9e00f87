/** What every worker does. @param {unknown} message */
export const echo = (message) => message
