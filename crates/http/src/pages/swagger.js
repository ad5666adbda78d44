// Starts Swagger UI. Tokens stay in the memory of the page: a reload forgets them.
SwaggerUIBundle({ url: "{base}/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
