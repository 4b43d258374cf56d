// `npm run dev` serves the page, and hands to the Python server what is for it.
export default {
  server: {
    proxy: { "/socket.io": { target: "http://127.0.0.1:3000", ws: true } },
  },
};
