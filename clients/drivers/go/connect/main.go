// Driver for cloudhut's connect-client, which Redpanda Console has. Its argument is the address of Connect's REST.
package main

import (
	"clients/serve"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	connect "github.com/cloudhut/connect-client"
)

const module = "github.com/cloudhut/connect-client"

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				return dependency.Version
			}
		}
	}
	return "unknown"
}

func states(tasks []connect.TaskState) []string {
	all := []string{}
	for _, task := range tasks {
		all = append(all, task.State)
	}
	return all
}

func anyMap(config map[string]string) map[string]any {
	all := map[string]any{}
	for name, value := range config {
		all[name] = value
	}
	return all
}

func info(one connect.ConnectorInfo) serve.Reply {
	return serve.Reply{"name": one.Name, "config": one.Config, "type": one.Type, "tasks": len(one.Tasks)}
}

func main() {
	client := connect.NewClient(connect.WithHost(os.Args[len(os.Args)-1]))
	none := context.Background()
	serve.Run(func(c serve.Command) (serve.Reply, error) {
		reply, err := answer(none, client, c)
		var told connect.ApiError
		if errors.As(err, &told) {
			err = fmt.Errorf("%d %s", told.ErrorCode, told.Message)
		}
		return reply, err
	})
}

func answer(none context.Context, client *connect.Client, c serve.Command) (serve.Reply, error) {
	switch c.Do {
	case "hello":
		return serve.Reply{"client": "connect-client", "version": version()}, nil
	case "root":
		root, err := client.GetRoot(none)
		return serve.Reply{"version": root.Version, "cluster": root.KafkaClusterID}, err
	case "plugins":
		plugins, err := client.GetConnectorPlugins(none)
		classes := []string{}
		for _, plugin := range plugins {
			classes = append(classes, plugin.Class)
		}
		return serve.Reply{"classes": classes}, err
	case "list":
		names, err := client.ListConnectors(none)
		return serve.Reply{"names": names}, err
	case "expanded":
		connectors, err := client.ListConnectorsExpanded(none)
		all := map[string]any{}
		for name, one := range connectors {
			all[name] = map[string]string{"type": one.Info.Type, "state": one.Status.Connector.State}
		}
		return serve.Reply{"connectors": all}, err
	case "create":
		made, err := client.CreateConnector(none, connect.CreateConnectorRequest{Name: c.Name, Config: anyMap(c.Config)})
		return info(made), err
	case "get":
		got, err := client.GetConnector(none, c.Name)
		return info(got), err
	case "configuration":
		config, err := client.GetConnectorConfig(none, c.Name)
		return serve.Reply{"config": config}, err
	case "status":
		status, err := client.GetConnectorStatus(none, c.Name)
		return serve.Reply{"state": status.Connector.State, "tasks": states(status.Tasks)}, err
	case "update":
		updated, err := client.PutConnectorConfig(none, c.Name, connect.PutConnectorConfigOptions{Config: anyMap(c.Config)})
		return info(updated), err
	case "pause":
		return nil, client.PauseConnector(none, c.Name)
	case "resume":
		return nil, client.ResumeConnector(none, c.Name)
	case "stop":
		return nil, client.StopConnector(none, c.Name)
	case "restart":
		return nil, client.RestartConnector(none, c.Name, connect.RestartConnectorOptions{IncludeTasks: c.Tasks})
	case "restart_task":
		return nil, client.RestartConnectorTask(none, c.Name, c.Task)
	case "topics":
		topics, err := client.GetConnectorTopics(none, c.Name)
		return serve.Reply{"topics": topics[c.Name].Topics}, err
	case "reset_topics":
		return nil, client.ResetConnectorTopics(none, c.Name)
	case "delete":
		return nil, client.DeleteConnector(none, c.Name)
	case "validate":
		result, err := client.PutValidateConnectorConfig(none, c.Class, connect.ValidateConnectorConfigOptions{Config: anyMap(c.Config)})
		wrong := map[string]any{}
		for _, one := range result.Configs {
			if faults, ok := one.Value["errors"].([]any); ok && len(faults) > 0 {
				wrong[fmt.Sprint(one.Value["name"])] = faults
			}
		}
		return serve.Reply{"count": result.ErrorCount, "wrong": wrong}, err
	}
	return nil, serve.Unsupported
}
