// Starts Swagger UI. Tokens stay in the memory of the page: a reload discards them.
SwaggerUIBundle({ url: "{base}/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
