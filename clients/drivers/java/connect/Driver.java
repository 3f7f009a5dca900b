import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPlugin;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigValidationResults;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorStatus;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorsWithExpandedMetadata;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.InvalidRequestException;

/** Driver for SourceLab's kafka-connect-client, which AKHQ has. Its last argument is the address of Connect's REST. */
public class Driver {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        KafkaConnectClient client = new KafkaConnectClient(new Configuration(arguments[arguments.length - 1]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Map<String, Object> reply;
            try {
                reply = answer(client, JSON.readTree(line));
            } catch (UnsupportedOperationException lack) {
                reply = Map.of("unsupported", lack.getMessage());
            } catch (InvalidRequestException refusal) {
                reply = Map.of("error", refusal.getErrorCode() + " " + refusal.getMessage());
            } catch (Exception error) {
                reply = Map.of("error", error.toString());
            }
            System.out.println(JSON.writeValueAsString(reply));
        }
    }

    private static Map<String, Object> answer(KafkaConnectClient client, JsonNode command) {
        String name = command.path("name").asText();
        Map<String, String> config = new HashMap<>();
        command.path("config").fields().forEachRemaining(one -> config.put(one.getKey(), one.getValue().asText()));
        switch (command.path("do").asText()) {
            case "hello":
                return Map.of("client", "kafka-connect-client", "version", "4.0.4");
            case "root":
                return Map.of(
                        "version", client.getConnectServerVersion().getVersion(),
                        "cluster", client.getConnectServerVersion().getKafkaClusterId());
            case "plugins":
                return Map.of("classes", client.getConnectorPlugins().stream().map(ConnectorPlugin::getClassName).collect(Collectors.toList()));
            case "list":
                return Map.of("names", client.getConnectors());
            case "expanded":
                ConnectorsWithExpandedMetadata all = client.getConnectorsWithAllExpandedMetadata();
                Map<String, Object> connectors = new HashMap<>();
                for (String one : all.getConnectorNames()) {
                    connectors.put(one, Map.of(
                            "type", all.getDefinitionForConnector(one).getType(),
                            "state", all.getStatusForConnector(one).getConnector().get("state")));
                }
                return Map.of("connectors", connectors);
            case "create":
                return shown(client.addConnector(new NewConnectorDefinition(name, config)));
            case "get":
                return shown(client.getConnector(name));
            case "configuration":
                return Map.of("config", client.getConnectorConfig(name));
            case "status":
                ConnectorStatus status = client.getConnectorStatus(name);
                return Map.of(
                        "state", status.getConnector().get("state"),
                        "tasks", status.getTasks().stream().map(ConnectorStatus.TaskStatus::getState).collect(Collectors.toList()));
            case "tasks":
                return Map.of("ids", client.getConnectorTasks(name).stream().map(task -> task.getId().getTask()).collect(Collectors.toList()));
            case "task_status":
                return Map.of("state", client.getConnectorTaskStatus(name, command.path("task").asInt()).getState());
            case "update":
                return shown(client.updateConnectorConfig(name, config));
            case "pause":
                client.pauseConnector(name);
                return Map.of();
            case "resume":
                client.resumeConnector(name);
                return Map.of();
            case "restart":
                if (command.path("tasks").asBoolean()) {
                    client.restartConnector(new PostConnectorRestart(name).withIncludeTasks(true));
                } else {
                    client.restartConnector(name);
                }
                return Map.of();
            case "restart_task":
                client.restartConnectorTask(name, command.path("task").asInt());
                return Map.of();
            case "topics":
                return Map.of("topics", client.getConnectorTopics(name).getTopics());
            case "reset_topics":
                client.resetConnectorTopics(name);
                return Map.of();
            case "delete":
                client.deleteConnector(name);
                return Map.of();
            case "validate":
                ConnectorPluginConfigValidationResults found = client.validateConnectorPluginConfig(
                        new ConnectorPluginConfigDefinition(command.path("class").asText(), config));
                Map<String, Object> wrong = new HashMap<>();
                found.getConfigs().forEach(one -> {
                    if (!one.getValue().getErrors().isEmpty()) {
                        wrong.put(one.getValue().getName(), List.copyOf(one.getValue().getErrors()));
                    }
                });
                return Map.of("count", found.getErrorCount(), "wrong", wrong);
            default:
                throw new UnsupportedOperationException(command.path("do").asText());
        }
    }

    private static Map<String, Object> shown(ConnectorDefinition one) {
        return Map.of("name", one.getName(), "config", one.getConfig(), "type", one.getType(), "tasks", one.getTasks().size());
    }
}
